import LinuxSystem
import Wire

/// The way back of what servers send: each box of a cluster dials from ports of its own, a slice of `[advanced] upstream_ports`, so
/// that whoever gets a server's segment knows whose it is, by its destination port alone.
///
///     by a client's interface, by the peers' ── goes on
///     TCP to a client, to a port of a peer's slice, of no connection that is known here
///         │ the peer lives ──▶ a copy to its address, by the peers' interface; the segment ends here
///         └ it is gone     ──▶ the server is reset
///
/// Behind the rules of iptables (mangle), which have taken what is this box's own. What connection tracking knows is somebody's whose
/// packets go through here, such as a client's own connection from such a port. What a peer has led here is never led on, and a segment
/// whose route doesn't lead to a client's interface goes on, too: neither can go round in a circle.
///
/// A copy, since only the netdev family can forward by itself, and that comes before connection tracking. It passes OUTPUT and
/// POSTROUTING, untracked.
enum WayBack {
    /// In one transaction with nothing else: a kernel may lack what it takes (nft_dup_ipv4, nft_fib_ipv4, nft_reject_ipv4 and those
    /// of IPv6).
    ///
    /// - Parameters:
    ///   - link: the index of the peers' interface.
    ///   - clients: the names of the clients' interfaces.
    ///   - gone: numbers of peers that don't live any more.
    static func orders(
        link: UInt32, clients: Set<String>, peers: [PeerRoutes.Peer], gone: Set<Int>
    ) -> [NetlinkMessage] {
        AddressFamily.allCases.flatMap { family in
            base(family) + [flush(family)] + clients.sorted().map { element(family, $0) }
                + rules(family, link, peers, gone)
        }
    }

    private static let chain = "prerouting"
    private static let set = "clients"

    /// What is there already stays as it is.
    private static func base(_ family: AddressFamily) -> [NetlinkMessage] {
        var table = order(family, 0)
        table.add(2, UInt32(2).bigEndian)  // NFTA_TABLE_FLAGS: NFT_TABLE_F_OWNER
        var names = order(family, 9)
        names.add(2, text: set)
        names.add(3, UInt32(0).bigEndian)
        names.add(4, UInt32(41).bigEndian)  // nft(8)'s ifname
        names.add(5, UInt32(nameLength).bigEndian)
        names.add(10, UInt32(1).bigEndian)
        var hooked = order(family, 3)
        hooked.add(3, text: chain)
        hooked.nest(4) { hook in
            hook.add(1, UInt32(0).bigEndian)  // NF_INET_PRE_ROUTING
            hook.add(2, Int32(-148).bigEndian)
        }
        hooked.add(7, text: "filter")
        var flush = order(family, 14, flags: 0)  // NFT_MSG_DELSETELEM without elements: of all
        flush.add(2, text: set)
        return [table, names, hooked, flush]
    }

    private static func flush(_ family: AddressFamily) -> NetlinkMessage {
        var flush = order(family, 8, flags: 0)
        flush.add(2, text: chain)
        return flush
    }

    private static func rules(
        _ family: AddressFamily, _ link: UInt32, _ peers: [PeerRoutes.Peer], _ gone: Set<Int>
    ) -> [NetlinkMessage] {
        let others: [[Expression]] = [
            [.inName, .isIn(set)], [.inIndex, .equals(link)], [.layer4Protocol, .differsFromByte(6)],
            // Neither new to connection tracking nor invalid.
            [.connectionState, .mask(9), .equals(0)],
            // Somebody opens a connection to a client.
            [.tcpFlags, .maskByte(0x12), .equalsByte(0x02)],
            [.transparentSocket, .equalsByte(1)],
        ]
        return others.map { rule(family, $0 + [.accept]) }
            + peers.enumerated().compactMap { number, peer in
                guard let ports = peer.ports, let address = peer.address(family) else { return nil }
                let isIts: [Expression] = [.destinationPort, .isPort(in: ports), .outName, .isIn(set)]
                guard !gone.contains(number) else { return rule(family, isIts + [.resetTCP]) }
                let way: [Expression] = [
                    .immediate(withUnsafeBytes(of: link, Array.init), register: 1),
                    .immediate(PeerRoutes.bytes(address), register: 2), .copy, .drop,
                ]
                return rule(family, isIts + way)
            }
    }

    private static let nameLength = 16

    private static func element(_ family: AddressFamily, _ name: String) -> NetlinkMessage {
        let key = Array(name.utf8.prefix(nameLength - 1))
        let padded = key + Array(repeating: 0, count: nameLength - key.count)
        var order = order(family, 12)
        order.add(2, text: set)
        order.nest(3) { list in list.nest(1) { element in element.nest(1) { $0.add(1, padded) } } }
        return order
    }

    private static func rule(_ family: AddressFamily, _ expressions: [Expression]) -> NetlinkMessage {
        var rule = order(family, 6, flags: NetlinkMessage.create | NetlinkMessage.append)
        rule.add(2, text: chain)
        rule.nest(4) { list in
            for expression in expressions {
                list.nest(1) { element in
                    element.add(1, text: expression.name)
                    element.nest(2, expression.content)
                }
            }
        }
        return rule
    }

    /// `type`: of linux/netfilter/nf_tables.h. The table is each order's first attribute.
    private static func order(
        _ family: AddressFamily, _ type: UInt16, flags: UInt16 = NetlinkMessage.create
    ) -> NetlinkMessage {
        var order = NetlinkMessage(
            type: Nftables.subsystem << 8 | type, flags: NetlinkMessage.request | NetlinkMessage.acknowledge | flags,
            header: [family.number, 0, 0, 0])
        order.add(1, text: PeerRoutes.table)
        return order
    }
}

extension Expression {
    fileprivate static let inName = meta(6)
    fileprivate static let inIndex = meta(4)
    /// Bits of NF_CT_STATE: 1 invalid, 8 new.
    fileprivate static let connectionState = Expression("ct") {
        $0.add(1, UInt32(1).bigEndian)
        $0.add(2, UInt32(0).bigEndian)
    }
    /// The name of the interface to which the route of its destination leads.
    fileprivate static let outName = Expression("fib") {
        for (type, value) in [(1, 1), (2, 2), (3, 2)] { $0.add(UInt16(type), UInt32(value).bigEndian) }
    }
    fileprivate static let destinationPort = Expression("payload") {
        for (type, value) in [(1, 1), (2, 2), (3, 2), (4, 2)] { $0.add(UInt16(type), UInt32(value).bigEndian) }
    }
    fileprivate static func isPort(in range: ClosedRange<UInt16>) -> Expression {
        let ends = [range.lowerBound, range.upperBound].map { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
        return Expression("range") {
            $0.add(1, UInt32(1).bigEndian)
            $0.add(2, UInt32(0).bigEndian)
            $0.nest(3) { $0.add(1, ends[0]) }
            $0.nest(4) { $0.add(1, ends[1]) }
        }
    }
    /// To the address in register 2, by the device whose index is in register 1.
    fileprivate static let copy = Expression("dup") {
        $0.add(1, UInt32(2).bigEndian)
        $0.add(2, UInt32(1).bigEndian)
    }
    fileprivate static let resetTCP = Expression("reject") { $0.add(1, UInt32(1).bigEndian) }
}
