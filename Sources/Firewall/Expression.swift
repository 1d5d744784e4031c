import LinuxSystem

/// An expression of a rule, on register 1 (linux/netfilter/nf_tables.h). Marks are in host order.
struct Expression: Sendable {
    let name: String
    let content: @Sendable (inout NetlinkMessage) -> Void

    init(_ name: String, _ content: @escaping @Sendable (inout NetlinkMessage) -> Void) {
        self.name = name
        self.content = content
    }

    private static let register = UInt32(1).bigEndian

    static let layer4Protocol = meta(16)
    static let metaMark = meta(3)
    static let setMetaMark = Expression("meta") {
        $0.add(2, UInt32(3).bigEndian)
        $0.add(3, register)
    }
    static let connectionMark = Expression("ct") {
        $0.add(1, register)
        $0.add(2, UInt32(3).bigEndian)
    }
    /// NFT_SOCKET_TRANSPARENT.
    static let transparentSocket = Expression("socket") {
        $0.add(1, UInt32(0).bigEndian)
        $0.add(2, register)
    }
    /// Byte 13 of the transport header.
    static let tcpFlags = Expression("payload") {
        for (type, value) in [(1, 1), (2, 2), (3, 13), (4, 1)] { $0.add(UInt16(type), UInt32(value).bigEndian) }
    }
    static let drop = verdict(0)
    static let accept = verdict(1)

    static func equals(_ value: UInt32) -> Expression { compare(0, bytes(value)) }
    static func equalsByte(_ value: UInt8) -> Expression { compare(0, [value]) }
    static func differsFromByte(_ value: UInt8) -> Expression { compare(1, [value]) }
    static func mask(_ mask: UInt32, xor: UInt32 = 0) -> Expression { bitwise(bytes(mask), bytes(xor)) }
    static func maskByte(_ mask: UInt8) -> Expression { bitwise([mask], [0]) }

    static func meta(_ key: UInt32) -> Expression {
        Expression("meta") {
            $0.add(1, register)
            $0.add(2, key.bigEndian)
        }
    }

    private static func compare(_ operation: UInt32, _ value: [UInt8]) -> Expression {
        Expression("cmp") {
            $0.add(1, register)
            $0.add(2, operation.bigEndian)
            $0.nest(3) { $0.add(1, value) }
        }
    }

    private static func bitwise(_ mask: [UInt8], _ xor: [UInt8]) -> Expression {
        Expression("bitwise") {
            $0.add(1, register)
            $0.add(2, register)
            $0.add(3, UInt32(mask.count).bigEndian)
            $0.nest(4) { $0.add(1, mask) }
            $0.nest(5) { $0.add(1, xor) }
        }
    }

    /// To the verdict register (0).
    private static func verdict(_ code: UInt32) -> Expression {
        Expression("immediate") {
            $0.add(1, UInt32(0).bigEndian)
            $0.nest(2) { $0.nest(2) { $0.add(1, code.bigEndian) } }
        }
    }

    private static func bytes(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value, Array.init) }

    // MARK: with other registers

    /// NFT_REG32_00: the first of the registers of four bytes, in which concatenations are put together.
    private static let firstWord: UInt32 = 8

    /// NFT_META_PROTOCOL: the EtherType, in network order.
    static let etherType = meta(1)
    static func equalsBytes(_ value: [UInt8]) -> Expression { compare(0, value) }

    /// Loads bytes of the network (1) or transport (2) header into the word with that number, and those behind it.
    static func load(base: UInt32, offset: UInt32, length: UInt32, word: UInt32) -> Expression {
        Expression("payload") {
            for (type, value) in [(1, firstWord + word), (2, base), (3, offset), (4, length)] {
                $0.add(UInt16(type), value.bigEndian)
            }
        }
    }

    /// Is what was loaded from the first word on in that set?
    static func isIn(_ set: String) -> Expression {
        Expression("lookup") {
            $0.add(1, text: set)
            $0.add(2, firstWord.bigEndian)
        }
    }

    /// Has the set keep it for its whole time from now on.
    static func renew(_ set: String) -> Expression {
        Expression("dynset") {
            $0.add(1, text: set)
            $0.add(3, UInt32(1).bigEndian)  // NFT_DYNSET_OP_UPDATE
            $0.add(4, firstWord.bigEndian)
        }
    }

    /// Has the set forget it.
    static func forget(_ set: String) -> Expression {
        Expression("dynset") {
            $0.add(1, text: set)
            $0.add(3, UInt32(2).bigEndian)  // NFT_DYNSET_OP_DELETE
            $0.add(4, firstWord.bigEndian)
        }
    }

    /// NFT_GOTO.
    static func go(to chain: String) -> Expression {
        Expression("immediate") {
            $0.add(1, UInt32(0).bigEndian)
            $0.nest(2) {
                $0.nest(2) {
                    $0.add(1, Int32(-4).bigEndian)
                    $0.add(2, text: chain)
                }
            }
        }
    }

    /// Puts bytes into register `number`, of those of sixteen bytes.
    static func immediate(_ value: [UInt8], register number: UInt32) -> Expression {
        Expression("immediate") {
            $0.add(1, number.bigEndian)
            $0.nest(2) { $0.add(1, value) }
        }
    }

    /// Sends it to the neighbour whose address is in register 2, by the device whose index is in register 1. `family`: AF_INET
    /// or AF_INET6.
    static func forward(_ family: UInt8) -> Expression {
        Expression("fwd") {
            $0.add(1, UInt32(1).bigEndian)
            $0.add(2, UInt32(2).bigEndian)
            $0.add(3, UInt32(family).bigEndian)
        }
    }
}
