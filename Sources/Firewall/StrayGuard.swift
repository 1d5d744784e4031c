import LinuxSystem
import Marks
import SystemPackage

/// Keeps the packets of running connections at this box while Sluice's own rules are away, because somebody flushed them.
///
/// Without the rules a client's segment is forwarded to the server, which knows no such connection and resets the client;
/// and a server's to the client, which resets the server. Repair comes too late for that: one segment is enough. So what
/// a transparent socket of ours waits for is marked for it once more, behind the rules, and what can't be delivered because
/// the routing rules or the route are away is dropped instead of being forwarded: TCP sends it again.
///
/// It is a table of nf_tables with an owner (NFT_TABLE_F_OWNER, Linux 5.12): iptables of either kind doesn't know of it,
/// `nft flush ruleset` and others can't remove it, and it goes with this object's socket, whatever ends the process. As
/// long as the rules stand it costs a packet of ours one comparison, and others two.
public final class StrayGuard: Sendable {
    /// Its table is gone when it is closed; nobody sends anything by it any more.
    private nonisolated(unsafe) let tables: Nftables

    /// In the network namespace of the calling thread. Throws `SystemError` where the kernel lacks nf_tables, its socket
    /// expression, or owners.
    public init(_ mark: PacketMark) throws(SystemError) {
        tables = try Nftables()
        try tables.carryOut(Self.orders(mark))
    }

    /// Takes over the guard of another process: its table stays as long as either has this descriptor open.
    public init(owning descriptor: consuming Descriptor) { tables = Nftables(owning: descriptor) }

    /// For another process.
    public var descriptor: Int32 { tables.descriptor }

    static let table = "sluice"

    private static func orders(_ mark: PacketMark) -> [NetlinkMessage] {
        var table = order(newTable)
        table.add(2, owner.bigEndian)  // NFTA_TABLE_FLAGS
        let local = (mark.value(.local), mark.roleMask)
        let isLocal = [Expression.metaMark, .mask(local.1), .equals(local.0)]
        let deliver: [Expression] = [
            .transparentSocket, .equalsByte(1), .metaMark, .mask(~mark.roleMask, xor: local.0), .setMetaMark,
        ]
        let isTCP: [Expression] = [.layer4Protocol, .equalsByte(6)]
        return [
            table,
            // Behind mangle (-150), so that what the rules have marked is passed over; in FORWARD before it, whose rule for
            // a dead daemon's packets takes the mark away.
            chain("prerouting", hook: 0, priority: -149), chain("forward", hook: 2, priority: -151),
            rule("prerouting", isLocal + [.accept]),
            // Not a client's SYN: a socket in TIME_WAIT would take it, without anybody having decided about it.
            rule(
                "prerouting",
                isTCP + [.connectionMark, .mask(mark.pairMask), .equals(mark.value(.client))]
                    + [.tcpFlags, .maskByte(synAndACK), .differsFromByte(syn)] + deliver),
            rule(
                "prerouting",
                isTCP + [.connectionMark, .mask(mark.pairMask), .equals(mark.value(.upstream))] + deliver),
            rule("forward", isLocal + [.drop]),
        ]
    }

    private static func order(_ type: UInt16, flags: UInt16 = NetlinkMessage.create) -> NetlinkMessage {
        var order = NetlinkMessage(
            type: type, flags: NetlinkMessage.request | NetlinkMessage.acknowledge | flags,
            header: [Nftables.inet, 0, 0, 0])
        order.add(1, text: table)
        return order
    }

    private static func chain(_ name: String, hook: UInt32, priority: Int32) -> NetlinkMessage {
        var chain = order(newChain)
        chain.add(3, text: name)  // NFTA_CHAIN_NAME
        chain.nest(4) { hooked in  // NFTA_CHAIN_HOOK
            hooked.add(1, hook.bigEndian)
            hooked.add(2, priority.bigEndian)
        }
        chain.add(7, text: "filter")  // NFTA_CHAIN_TYPE
        return chain
    }

    private static func rule(_ chain: String, _ expressions: [Expression]) -> NetlinkMessage {
        var rule = order(newRule, flags: NetlinkMessage.create | NetlinkMessage.append)
        rule.add(2, text: chain)  // NFTA_RULE_CHAIN
        rule.nest(4) { list in  // NFTA_RULE_EXPRESSIONS
            for expression in expressions {
                list.nest(1) { element in
                    element.add(1, text: expression.name)
                    element.nest(2, expression.content)
                }
            }
        }
        return rule
    }

    private static let syn: UInt8 = 0x02
    private static let synAndACK: UInt8 = 0x12
    // NFT_TABLE_F_OWNER, and message types of linux/netfilter/nf_tables.h.
    private static let owner: UInt32 = 2
    private static let newTable = Nftables.subsystem << 8 | 0
    private static let newChain = Nftables.subsystem << 8 | 3
    private static let newRule = Nftables.subsystem << 8 | 6
}
