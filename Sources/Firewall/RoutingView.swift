import LinuxSystem
import SystemPackage

/// Routing rules, routes and devices over rtnetlink (rtnetlink(7)), as far as they are Sluice's. One object a thread, or
/// behind a lock.
final class RoutingReader {
    /// A network device.
    struct Device: Hashable, Sendable {
        let index: UInt32
        let isUp: Bool
    }

    private let channel: NetlinkChannel

    /// In the network namespace of the calling thread.
    init() throws(SystemError) {
        channel = try NetlinkChannel(Self.netlinkRoute)
        // Else a list of routes would be that of all tables, and a router may have a million.
        try channel.filterStrictly()
    }

    /// Our routing rules, each as the kernel describes it; nil when they changed meanwhile.
    func rules(_ family: AddressFamily) throws(SystemError) -> [[UInt8]]? {
        var rules: [[UInt8]] = []
        // struct fib_rule_hdr has 12 bytes.
        let request = NetlinkMessage(
            type: Self.getRule, header: [family.number] + [UInt8](repeating: 0, count: 11))
        let isWhole = try channel.list(request) { reply in
            let attributes = reply.attributes(afterHeader: 12)
            guard let range = reply.attribute(Self.ruleProtocol, in: attributes),
                reply.byte(at: range.lowerBound) == Firewall.routeProtocolNumber
            else { return }
            var rule = Array(reply.bytes.dropFirst(16))
            // FIB_RULE_UNRESOLVED in the header's flags: whether the rule that this one leads to is there.
            rule.withUnsafeMutableBytes { bytes in
                let flags = bytes.load(fromByteOffset: 8, as: UInt32.self) & ~4
                bytes.storeBytes(of: flags, toByteOffset: 8, as: UInt32.self)
            }
            rules.append(rule)
        }
        return isWhole ? rules : nil
    }

    /// Does a default route of ours lead to the device, in this table? nil when the routes changed meanwhile.
    func hasRoute(
        _ family: AddressFamily, table: UInt32, kind: RouteKind, device: UInt32
    ) throws(SystemError) -> Bool? {
        // struct rtmsg: family, lengths of the prefixes, TOS, table, protocol, scope, type, flags.
        var request = NetlinkMessage(type: Self.getRoute, header: [family.number] + [UInt8](repeating: 0, count: 11))
        request.add(Self.routeTable, table)
        var isThere = false
        let isWhole: Bool
        do {
            isWhole = try channel.list(request) { reply in
                let attributes = reply.attributes(afterHeader: 12)
                guard reply.byte(at: 17) == 0, reply.byte(at: 21) == Firewall.routeProtocolNumber,
                    reply.byte(at: 23) == kind.rawValue, Self.number(reply, Self.routeTable, attributes) == table,
                    Self.number(reply, Self.routeDevice, attributes) == device
                else { return }
                isThere = true
            }
        } catch  where error.errno == .noSuchFileOrDirectory {
            // The table isn't there: it goes with its last route.
            return false
        }
        return isWhole ? isThere : nil
    }

    /// RTN_UNICAST and RTN_LOCAL.
    enum RouteKind: UInt8 {
        case unicast = 1
        case local = 2
    }

    /// nil when there is no device of that name.
    func device(_ name: String) throws(SystemError) -> Device? {
        // struct ifinfomsg: family, type, index, flags, change. All of them are listed: a router has some dozens.
        let request = NetlinkMessage(type: Self.getLink, header: [UInt8](repeating: 0, count: 16))
        var device: Device?
        _ = try channel.list(request) { reply in
            guard Self.name(of: reply) == name else { return }
            device = Device(index: reply.word(at: 20), isUp: reply.word(at: 24) & 1 == 1)
        }
        return device
    }

    // MARK: news

    /// The multicast groups of devices, of rules and of routes of both families (RTNLGRP_…).
    static let newsGroups: [UInt32] = [1, 7, 8, 11, 19]

    /// What a message of the groups says that somebody should look at; nil when it concerns nothing of ours.
    ///
    /// - Parameters:
    ///   - tables: the routing tables that are ours alone.
    ///   - device: the name of our device.
    static func news(in message: NetlinkReply, tables: ClosedRange<UInt32>, device: String) -> KernelNews? {
        switch message.type {
        case 16, 17: return name(of: message) == device ? .routing : nil
        case 24, 25:
            let table = number(message, routeTable, message.attributes(afterHeader: 12))
            return table.map(tables.contains) == true ? .routing : nil
        case 32, 33: return .routing
        default: return nil
        }
    }

    private static func name(of link: NetlinkReply) -> String? {
        link.attribute(3, in: link.attributes(afterHeader: 16)).map {
            String(decoding: link.bytes[$0].prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private static func number(_ reply: NetlinkReply, _ type: UInt16, _ range: Range<Int>) -> UInt32? {
        reply.attribute(type, in: range).map { reply.word(at: $0.lowerBound) }
    }

    // linux/rtnetlink.h, linux/fib_rules.h
    static let netlinkRoute: Int32 = 0
    private static let getLink: UInt16 = 18
    private static let getRoute: UInt16 = 26
    private static let getRule: UInt16 = 34
    private static let routeDevice: UInt16 = 4
    private static let routeTable: UInt16 = 15
    private static let ruleProtocol: UInt16 = 21
}
