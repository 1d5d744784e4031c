public import Wire

/// Writes values one behind the other: numbers with the lowest byte first, sequences behind their count.
public struct RecordWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    @inlinable public mutating func write(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { append($0) }
    }

    public mutating func write(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

    public mutating func append(_ raw: UnsafeRawBufferPointer) { bytes.append(contentsOf: raw) }

    public mutating func write(_ raw: UnsafeRawBufferPointer) {
        write(UInt32(raw.count))
        append(raw)
    }

    public mutating func write(_ some: [UInt8]) { some.withUnsafeBytes { write($0) } }

    public mutating func write(_ text: String) { write(Array(text.utf8)) }

    @inlinable public mutating func write<Value>(_ value: Value?, _ body: (inout Self, Value) -> Void) {
        write(value != nil)
        if let value { body(&self, value) }
    }

    @inlinable public mutating func write<Values: Collection>(
        all values: Values, _ body: (inout Self, Values.Element) -> Void
    ) {
        write(UInt32(values.count))
        for value in values { body(&self, value) }
    }

    public mutating func write(_ address: IPAddress) {
        write(address.high)
        write(address.low)
    }

    public mutating func write(_ endpoint: Endpoint) {
        write(endpoint.address)
        write(endpoint.port)
    }

    public mutating func write(_ tuple: FourTuple) {
        write(tuple.client)
        write(tuple.server)
    }
}
