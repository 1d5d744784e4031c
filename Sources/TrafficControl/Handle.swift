import CNetlinkRoute

/// What qdiscs and classes are named by: 16 bits for the qdisc, 16 for the class in it, e.g. `7700:1`.
struct Handle: Hashable, Comparable, Sendable, CustomStringConvertible {
    let rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(_ major: UInt16, _ minor: UInt16 = 0) { rawValue = UInt32(major) << 16 | UInt32(minor) }

    var major: UInt16 { UInt16(rawValue >> 16) }
    var minor: UInt16 { UInt16(truncatingIfNeeded: rawValue) }
    /// Of the qdisc that a class belongs to.
    var qdisc: Handle { Handle(major) }

    static let none = Handle(rawValue: 0)
    /// As a parent: the top of a device's egress.
    static let root = Handle(rawValue: TC_H_ROOT)
    /// As a parent: where the ingress qdisc is, or clsact in its place.
    static let ingressHook = Handle(rawValue: TC_H_INGRESS)
    /// As a parent of filters: what comes in, of an ingress qdisc as of clsact.
    static let ingressFilters = Handle(0xffff, UInt16(TC_H_MIN_INGRESS))

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// As tc(8) prints it.
    var description: String {
        self == .root ? "root" : hex(major) + ":" + (minor == 0 ? "" : hex(minor))
    }
}

func hex(_ value: some BinaryInteger) -> String { String(value, radix: 16) }
