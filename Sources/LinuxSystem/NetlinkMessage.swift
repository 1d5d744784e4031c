/// A netlink message while it is put together: nlmsghdr, the family's own header, attributes (linux/netlink.h).
struct NetlinkMessage {
    private(set) var bytes: [UInt8]

    static let request: UInt16 = 1
    static let acknowledge: UInt16 = 4
    private static let nested: UInt16 = 0x8000

    /// `header`: the family's own, a multiple of four bytes.
    init(type: UInt16, flags: UInt16 = Self.request, header: [UInt8]) {
        bytes = [UInt8](repeating: 0, count: 16) + header
        store(type, at: 4)
        store(flags, at: 6)
        store(UInt32(bytes.count), at: 0)
    }

    /// `value`: as it is to stand there, numbers in the order of bytes that the attribute wants.
    mutating func add(_ type: UInt16, _ value: [UInt8]) {
        let start = bytes.count
        bytes += [0, 0, 0, 0] + value
        store(UInt16(bytes.count - start), at: start)
        store(type, at: start + 2)
        while bytes.count % 4 != 0 { bytes.append(0) }
        store(UInt32(bytes.count), at: 0)
    }

    mutating func add<Value: FixedWidthInteger>(_ type: UInt16, _ value: Value) {
        add(type, withUnsafeBytes(of: value, Array.init))
    }

    /// An attribute that holds those which `body` adds.
    mutating func nest(_ type: UInt16, _ body: (inout NetlinkMessage) -> Void) {
        let start = bytes.count
        add(type | Self.nested, [])
        body(&self)
        store(UInt16(bytes.count - start), at: start)
    }

    private mutating func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: Value.self) }
    }
}
