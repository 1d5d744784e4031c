/// A netlink message while it is put together: nlmsghdr, the family's own header, attributes (linux/netlink.h).
package struct NetlinkMessage {
    package private(set) var bytes: [UInt8]

    package static let request: UInt16 = 1
    package static let acknowledge: UInt16 = 4
    /// NLM_F_ROOT and NLM_F_MATCH: all there are.
    package static let dump: UInt16 = 0x300
    /// NLM_F_CREATE.
    package static let create: UInt16 = 0x400
    /// NLM_F_APPEND: behind what there is.
    package static let append: UInt16 = 0x800
    private static let nested: UInt16 = 0x8000

    /// `header`: the family's own, a multiple of four bytes.
    package init(type: UInt16, flags: UInt16 = Self.request, header: [UInt8]) {
        bytes = [UInt8](repeating: 0, count: 16) + header
        store(type, at: 4)
        store(flags, at: 6)
        store(UInt32(bytes.count), at: 0)
    }

    /// `value`: as it is to stand there, numbers in the order of bytes that the attribute wants.
    package mutating func add(_ type: UInt16, _ value: [UInt8]) {
        let start = bytes.count
        bytes += [0, 0, 0, 0] + value
        store(UInt16(bytes.count - start), at: start)
        store(type, at: start + 2)
        while bytes.count % 4 != 0 { bytes.append(0) }
        store(UInt32(bytes.count), at: 0)
    }

    package mutating func add<Value: FixedWidthInteger>(_ type: UInt16, _ value: Value) {
        add(type, withUnsafeBytes(of: value, Array.init))
    }

    /// An attribute that holds those which `body` adds.
    package mutating func nest(_ type: UInt16, _ body: (inout NetlinkMessage) -> Void) {
        let start = bytes.count
        add(type | Self.nested, [])
        body(&self)
        store(UInt16(bytes.count - start), at: start)
    }

    /// A text with the zero byte that ends it.
    package mutating func add(_ type: UInt16, text: String) { add(type, Array(text.utf8) + [0]) }

    /// The number that its answers bear.
    package var sequence: UInt32 {
        get { bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self) } }
        set { store(newValue, at: 8) }
    }

    var flags: UInt16 { bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 6, as: UInt16.self) } }

    mutating func addFlags(_ more: UInt16) { store(flags | more, at: 6) }

    private mutating func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: Value.self) }
    }
}
