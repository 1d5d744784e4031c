/// A netlink attribute: a type and bytes, which may be attributes again (include/net/netlink.h).
struct Attribute: Hashable, Sendable {
    let type: Int
    var payload: [UInt8]

    init(_ type: Int, _ payload: [UInt8]) {
        self.type = type
        self.payload = payload
    }

    init(_ type: Int, _ value: some BitwiseCopyable) { self.init(type, rawBytes(value)) }

    init(_ type: Int, _ text: String) { self.init(type, Array(text.utf8) + [0]) }

    init(_ type: Int, _ nested: [Attribute]) { self.init(type, nested.encoded) }

    var nested: [Attribute] { [Attribute](payload) }
    var text: String { String(decoding: payload.prefix { $0 != 0 }, as: UTF8.self) }

    /// The payload's beginning as a C structure of the kernel's; what the payload is too short for is 0.
    func value<Value: BitwiseCopyable>(as type: Value.Type = Value.self) -> Value {
        let size = MemoryLayout<Value>.size
        let padded = payload + [UInt8](repeating: 0, count: max(0, size - payload.count))
        return padded.withUnsafeBytes { $0.loadUnaligned(as: type) }
    }
}

extension [Attribute] {
    /// Reads attributes one behind the other; ends where the bytes make none.
    init(_ bytes: some Collection<UInt8>) {
        self = []
        var rest = [UInt8](bytes)[...]
        while rest.count >= 4 {
            let (length, type) = rest.withUnsafeBytes {
                ($0.loadUnaligned(as: UInt16.self), $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
            }
            guard length >= 4, length <= rest.count else { return }
            // The two upper bits are flags: nested, network order.
            append(Attribute(Int(type & 0x3fff), [UInt8](rest.prefix(Int(length)).dropFirst(4))))
            rest = rest.dropFirst((Int(length) + 3) & ~3)
        }
    }

    var encoded: [UInt8] {
        reduce(into: []) { buffer, attribute in
            buffer += rawBytes(UInt16(attribute.payload.count + 4)) + rawBytes(UInt16(attribute.type))
            buffer += attribute.payload
            buffer += [UInt8](repeating: 0, count: -buffer.count & 3)
        }
    }

    func find(_ type: Int) -> Attribute? { first { $0.type == type } }
}

func rawBytes(_ value: some BitwiseCopyable) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
