public import Wire

/// Reads what a `RecordWriter` has written. A count is believed only as far as there are bytes for it.
public struct RecordReader: Sendable {
    @usableFromInline let bytes: [UInt8]
    @usableFromInline var offset = 0

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    @usableFromInline var left: Int { bytes.count - offset }

    @inlinable public mutating func number<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self
    ) throws(RecordError) -> Number {
        let size = MemoryLayout<Number>.size
        guard bytes.count - offset >= size else { throw .truncated }
        let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
        offset += size
        return Number(littleEndian: value)
    }

    @inlinable public mutating func flag() throws(RecordError) -> Bool {
        switch try number(UInt8.self) {
        case 0: return false
        case 1: return true
        default: throw .value("flag")
        }
    }

    public mutating func raw() throws(RecordError) -> [UInt8] {
        let count = try count()
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    public mutating func text() throws(RecordError) -> String {
        guard let text = String(validating: try raw(), as: UTF8.self) else { throw .value("text") }
        return text
    }

    @inlinable public mutating func optional<Value>(
        _ body: (inout Self) throws(RecordError) -> Value
    ) throws(RecordError) -> Value? {
        try flag() ? try body(&self) : nil
    }

    @inlinable public mutating func all<Value>(
        _ body: (inout Self) throws(RecordError) -> Value
    ) throws(RecordError) -> [Value] {
        let count = try count()
        var values: [Value] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try body(&self)) }
        return values
    }

    /// Each value takes a byte at least.
    @usableFromInline mutating func count() throws(RecordError) -> Int {
        let count = Int(try number(UInt32.self))
        guard count <= left else { throw .truncated }
        return count
    }

    public mutating func address() throws(RecordError) -> IPAddress {
        IPAddress(high: try number(), low: try number())
    }

    public mutating func endpoint() throws(RecordError) -> Endpoint {
        Endpoint(address: try address(), port: try number())
    }

    public mutating func tuple() throws(RecordError) -> FourTuple {
        FourTuple(client: try endpoint(), server: try endpoint())
    }

    /// To be called behind the last value.
    public func finish() throws(RecordError) {
        if left > 0 { throw .surplus(left) }
    }
}
