import LinuxSystem
import SystemPackage

/// nf_tables over netlink (net/netfilter/nf_tables_api.c), by which rules of iptables-nft are looked at without a tool:
/// iptables-nft-save reads every rule of the machine, a second for 10,000 of them, and can't read tables that have rules
/// of nft's own. One object a thread, or behind a lock.
final class Nftables {
    private let channel: NetlinkChannel

    /// In the network namespace of the calling thread.
    init() throws(SystemError) { channel = try NetlinkChannel(Self.netlinkNetfilter) }

    /// Takes over another process's, with the tables that it owns.
    init(owning descriptor: consuming Descriptor) { channel = NetlinkChannel(owning: descriptor) }

    /// For another process.
    var descriptor: Int32 { channel.descriptor }

    /// The rules of these chains, in order, each by its handle, which changes when the rule is exchanged; without the
    /// chains that have none.
    ///
    /// - Returns: nil when they changed meanwhile: then ask again.
    func view(_ family: AddressFamily, _ table: String, chains: some Sequence<String>) throws(SystemError) -> TableView?
    {
        var view = TableView()
        for chain in chains {
            var request = NetlinkMessage(type: Self.getRule, header: Self.header(family))
            request.add(1, text: table)  // NFTA_RULE_TABLE
            request.add(2, text: chain)  // NFTA_RULE_CHAIN
            var rules: [RuleView] = []
            let isWhole: Bool
            do {
                isWhole = try channel.list(request) { reply in
                    let attributes = reply.attributes(afterHeader: 4)
                    guard Self.text(reply, 2, attributes) == chain, let handle = reply.attribute(3, in: attributes)
                    else { return }
                    rules.append(
                        RuleView(id: reply.bigEndian(at: handle.lowerBound), target: Self.target(reply, attributes)))
                }
            } catch  where error.errno == .noSuchFileOrDirectory {
                continue
            }
            guard isWhole else { return nil }
            if !rules.isEmpty { view.chains[chain] = rules }
        }
        return view
    }

    /// The names of all chains of a table.
    func chains(_ family: AddressFamily, _ table: String) throws(SystemError) -> [String] {
        try chains(family.number, table)
    }

    /// Of a table for both families.
    func chains(inet table: String) throws(SystemError) -> [String] { try chains(Self.inet, table) }

    private func chains(_ family: UInt8, _ table: String) throws(SystemError) -> [String] {
        var names: [String] = []
        let request = NetlinkMessage(type: Self.getChain, header: [family, 0, 0, 0])
        _ = try channel.list(request) { reply in
            let attributes = reply.attributes(afterHeader: 4)
            guard Self.text(reply, 1, attributes) == table, let name = Self.text(reply, 3, attributes) else { return }
            names.append(name)
        }
        return names
    }

    /// Removes rules by their handles, and then chains with all they have: everything or nothing.
    func remove(
        _ family: AddressFamily, _ table: String, rules: [(chain: String, handle: UInt64)], chains: [String] = []
    ) throws(SystemError) {
        var orders = rules.map { rule in
            var order = Self.order(Self.deleteRule, family, table, chain: rule.chain)
            order.add(3, rule.handle.bigEndian)  // NFTA_RULE_HANDLE
            return order
        }
        // Emptied first, all of them: they lead into each other.
        orders += chains.map { Self.order(Self.deleteRule, family, table, chain: $0) }
        orders += chains.map { name in
            var order = Self.order(Self.deleteChain, family, table, chain: nil)
            order.add(3, text: name)  // NFTA_CHAIN_NAME
            return order
        }
        try carryOut(orders)
    }

    /// Carries out orders as one transaction.
    func carryOut(_ orders: [NetlinkMessage]) throws(SystemError) {
        guard !orders.isEmpty else { return }
        // struct nfgenmsg, with the subsystem as its resource, in network order.
        let edge = { (type: UInt16) in NetlinkMessage(type: type, header: [0, 0, 0, UInt8(Self.subsystem)]) }
        try channel.carryOut([edge(Self.batchBegin)] + orders + [edge(Self.batchEnd)])
    }

    private static func order(
        _ type: UInt16, _ family: AddressFamily, _ table: String, chain: String?
    ) -> NetlinkMessage {
        var order = NetlinkMessage(
            type: type, flags: NetlinkMessage.request | NetlinkMessage.acknowledge, header: header(family))
        order.add(1, text: table)
        if let chain { order.add(2, text: chain) }
        return order
    }

    /// struct nfgenmsg.
    private static func header(_ family: AddressFamily) -> [UInt8] { [family.number, 0, 0, 0] }

    /// The chain that the rule leads to, if it does: an immediate verdict with a chain.
    private static func target(_ reply: NetlinkReply, _ attributes: Range<Int>) -> String? {
        guard let expressions = reply.attribute(4, in: attributes) else { return nil }
        var target: String?
        reply.forEachAttribute(in: expressions) { _, expression in
            guard text(reply, 1, expression) == "immediate", let data = reply.attribute(2, in: expression),
                let value = reply.attribute(2, in: data), let verdict = reply.attribute(2, in: value)
            else { return }
            target = text(reply, 2, verdict) ?? target
        }
        return target
    }

    private static func text(_ reply: NetlinkReply, _ type: UInt16, _ range: Range<Int>) -> String? {
        reply.attribute(type, in: range).map { String(decoding: reply.bytes[$0].prefix { $0 != 0 }, as: UTF8.self) }
    }

    // MARK: news

    /// The multicast group of nf_tables (NFNLGRP_NFTABLES).
    static let newsGroup: UInt32 = 7

    /// What a message of the group says that somebody should look at; nil when it concerns none of iptables' tables.
    static func news(in message: NetlinkReply) -> KernelNews? {
        guard message.type >> 8 == subsystem else { return nil }
        // Tables, chains and rules: sets and their elements, which some change all the time, are none of iptables'.
        guard message.type & 0xff <= 8, let family = AddressFamily(number: message.byte(at: 16)),
            let table = text(message, 1, message.attributes(afterHeader: 4))
        else { return nil }
        return .rules(family, table)
    }

    // linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h
    static let netlinkNetfilter: Int32 = 12
    static let subsystem: UInt16 = 10
    /// NFPROTO_INET.
    static let inet: UInt8 = 1
    private static let batchBegin: UInt16 = 0x10
    private static let batchEnd: UInt16 = 0x11
    private static let getChain = subsystem << 8 | 4
    private static let deleteChain = subsystem << 8 | 5
    private static let getRule = subsystem << 8 | 7
    private static let deleteRule = subsystem << 8 | 8
}

extension NetlinkReply {
    /// In network order; 0 beyond the end.
    fileprivate func bigEndian(at offset: Int) -> UInt64 {
        UInt64(word(at: offset).byteSwapped) << 32 | UInt64(word(at: offset + 4).byteSwapped)
    }
}

extension AddressFamily {
    /// AF_INET or AF_INET6, which nf_tables calls NFPROTO_IPV4 and NFPROTO_IPV6.
    var number: UInt8 { self == .ipv4 ? 2 : 10 }

    init?(number: UInt8) {
        switch number {
        case 2: self = .ipv4
        case 10: self = .ipv6
        default: return nil
        }
    }
}
