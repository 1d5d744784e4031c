public import LinuxSystem
import Synchronization
public import Wire

/// Leads single subflows to other boxes of a cluster.
///
///     lan0, lan1 …, TUN device ── ingress: is the 4-tuple one of those? ── no ──▶ goes on
///                                   │ yes
///                                   └─▶ for each peer: is it one of its? ── yes ──▶ to its address, by the peers' interface
///
/// What is led away leaves before routing: neither rp_filter nor connection tracking nor a FORWARD chain of the router's sees it,
/// and a flush of the table of connections changes nothing about it. The router has judged the subflow's SYN, which came as far as
/// the queue. The peer gets the packets as they are, but for TTL or hop limit, and answers the client directly.
///
/// An entry lasts for five minutes beyond the last packet, and no longer than until a SYN opens the 4-tuple anew: that is decided
/// about as any other. All is in one table of nf_tables, family netdev, with an owner
/// (NFT_TABLE_F_OWNER, Linux 5.12): it works beside iptables of either kind, and goes with this object, whatever ends the process.
///
/// What servers send to a peer's ports comes to it in another way, by WayBack.
///
/// Another process may take it over, with the descriptor: the table stays for as long as either has that open. So sets are named
/// by peers' addresses, whatever the numbers of these are in either.
public final class PeerRoutes: Sendable {
    /// A peer's addresses on the link between the boxes.
    public struct Peer: Sendable, Hashable {
        public var ipv4: IPAddress?
        public var ipv6: IPAddress?
        /// From which it connects to servers; nil: what servers send is not led to it.
        public var ports: ClosedRange<UInt16>?

        public init(ipv4: IPAddress?, ipv6: IPAddress?, ports: ClosedRange<UInt16>? = nil) {
            self.ipv4 = ipv4
            self.ipv6 = ipv6
            self.ports = ports
        }

        func address(_ family: AddressFamily) -> IPAddress? { family == .ipv4 ? ipv4 : ipv6 }
    }

    /// What is in the kernel, besides what is led: for another process that takes it over.
    public struct Contents: Sendable, Hashable {
        /// The index of the peers' interface that the rules name; nil: they are to be made anew.
        public var link: UInt32?
        public var peers: [Peer]
        /// The interfaces whose packets are looked at, by their indices.
        public var entrances: Set<UInt32> = []
        /// The clients' interfaces, to which servers' segments are led back.
        public var clients: Set<String> = []
        /// Peers that don't live any more, by their numbers.
        public var gone: Set<Int> = []

        public init(
            link: UInt32?, peers: [Peer], entrances: Set<UInt32> = [], clients: Set<String> = [], gone: Set<Int> = []
        ) {
            self.link = link
            self.peers = peers
            self.entrances = entrances
            self.clients = clients
            self.gone = gone
        }
    }

    private struct State {
        let tables: Nftables
        var contents: Contents
    }

    private let link: String
    private let peers: [Peer]
    private let state: Mutex<State>
    /// What the way back is to be made for.
    private let wanted: Mutex<(clients: Set<String>, gone: Set<Int>)>
    private let fault = Mutex<SystemError?>(nil)

    static let table = "sluice_peers"
    static let lifetime: UInt64 = 300_000
    static let room: UInt32 = 65536

    /// In the network namespace of the calling thread.
    ///
    /// - Parameters:
    ///   - link: the interface that the peers are behind. It may come later, and come anew.
    ///   - peers: by their numbers.
    ///   - clients: the clients' interfaces.
    /// - Throws: `SystemError` where the kernel lacks nf_tables with its netdev family and forwarding there (nft_fwd_netdev).
    public init(link: String, peers: [Peer], clients: Set<String> = []) throws(SystemError) {
        self.link = link
        self.peers = peers
        wanted = Mutex((clients, []))
        let tables = try Nftables()
        try tables.carryOut(Self.base(peers))
        // Also where there is no such interface yet, to find out whether the kernel has what it takes: lo stands for it.
        let index = NetworkInterface.index(link)
        try tables.carryOut(Self.ways(peers, by: index ?? 1))
        do throws(SystemError) {
            try tables.carryOut(WayBack.orders(link: index ?? 1, clients: clients, peers: peers, gone: []))
        } catch {
            fault.withLock { $0 = error }
        }
        nonisolated(unsafe) let state = State(
            tables: tables, contents: Contents(link: index, peers: peers, clients: clients))
        self.state = Mutex(state)
    }

    /// Takes over another process's; nothing is changed yet.
    ///
    /// - Parameters:
    ///   - descriptor: that one's `descriptor`.
    ///   - link: as above.
    ///   - clients: as above.
    ///   - peers: as above. Subflows that are led to an address which is none of theirs any more are led no longer once
    ///     `refresh` has been called.
    public init(
        owning descriptor: consuming Descriptor, link: String, peers: [Peer], clients: Set<String> = []
    ) {
        self.link = link
        self.peers = peers
        wanted = Mutex((clients, []))
        nonisolated(unsafe) let state = State(
            tables: Nftables(owning: descriptor), contents: Contents(link: nil, peers: []))
        self.state = Mutex(state)
    }

    /// For another process.
    public var descriptor: Int32 { state.withLock { $0.tables.descriptor } }

    /// For another process that takes it over, once nothing is led any more.
    public var contents: Contents { state.withLock(\.contents) }

    /// What the process before had put into the kernel. Before anything is led. Which peers are gone has yet to be said anew.
    public func adopt(_ contents: Contents) { state.withLock { $0.contents = contents } }

    /// Why servers' segments can't be led back to peers; nil: they can.
    public var wayBackFault: SystemError? { fault.withLock(\.self) }

    /// What servers send to these peers' ports is refused from now on, since nobody has it any more; costs no time. It counts with
    /// the next `refresh`.
    public func note(gone: Set<Int>) { wanted.withLock { $0.gone = gone } }

    /// The clients' interfaces are others from now on. It counts with the next `refresh`.
    public func note(clients: Set<String>) { wanted.withLock { $0.clients = clients } }

    /// Makes the rules as this object's peers and the peers' interface want them, if they aren't yet.
    ///
    /// - Throws: `SystemError`; then it is tried again when something is led.
    public func refresh() throws(SystemError) {
        guard let index = NetworkInterface.index(link) else { return }
        try state.withLock { state throws(SystemError) in try refresh(&state, by: index) }
    }

    private func refresh(_ state: inout State, by index: UInt32) throws(SystemError) {
        let before = state.contents
        let (clients, dead) = wanted.withLock(\.self)
        if before.link != index || before.peers != peers || before.clients != clients || before.gone != dead {
            let orders = WayBack.orders(link: index, clients: clients, peers: peers, gone: dead)
            let outcome = Result { () throws(SystemError) in try state.tables.carryOut(orders) }
            fault.withLock { fault in
                if case .failure(let error) = outcome { fault = error } else { fault = nil }
            }
            state.contents.clients = clients
            state.contents.gone = dead
        }
        guard before.link != index || before.peers != peers else { return }
        // Sets that are there stay, with what is in them.
        let gone = Set(before.peers.flatMap(Self.sets)).subtracting(peers.flatMap(Self.sets))
        try state.tables.carryOut(Self.base(peers) + Self.ways(peers, by: index) + gone.sorted().map(Self.removal(of:)))
        state.contents.link = index
        state.contents.peers = peers
    }

    /// From now on what comes of this subflow from its client goes to that peer.
    ///
    /// - Parameters:
    ///   - interface: by which it comes in.
    ///   - device: by which its SYN is put in, which goes there, too.
    /// - Throws: `SystemError`: the peers' interface is gone, the peer has no address of the family, the kernel has no room.
    public func lead(
        _ tuple: FourTuple, from interface: UInt32, by device: UInt32, to peer: Int
    ) throws(SystemError) {
        let family: AddressFamily = tuple.client.address.isIPv4 ? .ipv4 : .ipv6
        guard peers.indices.contains(peer), let address = peers[peer].address(family) else {
            throw SystemError("an IPv\(family.rawValue) address of the peer", .addressNotAvailable)
        }
        guard let index = NetworkInterface.index(link) else { throw SystemError(link, .noSuchAddressOrDevice) }
        let key = Self.key(tuple)
        let elements = [Self.all(family), Self.set(address)].map { Self.element($0, key) }
        try state.withLock { state throws(SystemError) in
            // The device of that name may be another one now: rules name its index.
            try refresh(&state, by: index)
            for entrance in [interface, device] where !state.contents.entrances.contains(entrance) {
                guard let name = NetworkInterface.name(entrance) else { continue }
                try state.tables.carryOut(Self.entrance(name, entrance, isOwn: entrance == device))
                state.contents.entrances.insert(entrance)
            }
            try state.tables.carryOut(elements)
        }
    }

    // MARK: names

    private static func all(_ family: AddressFamily) -> String { "all\(family.rawValue)" }
    /// In letters that nft(8) takes on its command line, too.
    private static func set(_ address: IPAddress) -> String {
        "to_" + String(address.description.map { $0 == ":" ? "-" : $0 })
    }
    private static func sets(_ peer: Peer) -> [String] { [peer.ipv4, peer.ipv6].compactMap { $0.map(set) } }
    private static func way(_ family: AddressFamily) -> String { "to_peers\(family.rawValue)" }
    private static func end(_ family: AddressFamily) -> String { "opened_anew\(family.rawValue)" }

    /// In one transaction, sets are also told by numbers.
    private static func number(_ peer: Int?, _ family: AddressFamily) -> UInt32 {
        UInt32(1 + (peer.map { $0 + 1 } ?? 0) * 2 + (family == .ipv4 ? 0 : 1))
    }

    // MARK: orders

    /// What is there already stays as it is.
    private static func base(_ peers: [Peer]) -> [NetlinkMessage] {
        var table = order(0)
        table.add(2, UInt32(2).bigEndian)  // NFTA_TABLE_FLAGS: NFT_TABLE_F_OWNER
        var orders = [table]
        for family in AddressFamily.allCases {
            orders.append(newSet(all(family), number(nil, family), family))
            for (number, peer) in peers.enumerated() {
                guard let address = peer.address(family) else { continue }
                orders.append(newSet(set(address), self.number(number, family), family))
            }
            orders.append(chain(way(family)))
            orders.append(chain(end(family)))
        }
        return orders
    }

    /// Source address and port, destination address and port, each in words of four bytes.
    static func key(_ tuple: FourTuple) -> [UInt8] {
        var key: [UInt8] = []
        for end in [tuple.client, tuple.server] {
            key += bytes(end.address)
            key += [UInt8(end.port >> 8), UInt8(end.port & 0xff), 0, 0]
        }
        return key
    }

    static func bytes(_ address: IPAddress) -> [UInt8] {
        address.isIPv4 ? Array(address.bytes.suffix(4)) : address.bytes
    }

    private static func load(_ family: AddressFamily) -> [Expression] {
        let (length, offset): (UInt32, UInt32) = family == .ipv4 ? (4, 12) : (16, 8)
        let words = length / 4
        let isOfFamily: [Expression] = [.etherType, .equalsBytes(family == .ipv4 ? [0x08, 0x00] : [0x86, 0xdd])]
        let isTCP: [Expression] = [.layer4Protocol, .equalsByte(6)]
        let source: [Expression] = [
            .load(base: 1, offset: offset, length: length, word: 0), .load(base: 2, offset: 0, length: 2, word: words),
        ]
        let destination: [Expression] = [
            .load(base: 1, offset: offset + length, length: length, word: words + 1),
            .load(base: 2, offset: 2, length: 2, word: 2 * words + 1),
        ]
        return isOfFamily + isTCP + source + destination
    }

    /// The chain of a device; it ends with that.
    private static func entrance(_ name: String, _ index: UInt32, isOwn: Bool) -> [NetlinkMessage] {
        let chain = "in\(index)"
        var base = order(3)
        base.add(3, text: chain)
        base.nest(4) { hook in
            hook.add(1, UInt32(0).bigEndian)  // NF_NETDEV_INGRESS
            hook.add(2, Int32(-300).bigEndian)
            hook.add(3, text: name)
        }
        base.add(7, text: "filter")
        var orders = [base]
        for family in AddressFamily.allCases {
            let isLed: [Expression] = load(family) + [.isIn(all(family))]
            let isSYN: [Expression] = [.tcpFlags, .maskByte(0x12), .equalsByte(0x02)]
            if !isOwn { orders.append(rule(chain, isLed + isSYN + [.go(to: end(family))])) }
            orders.append(rule(chain, isLed + [.go(to: way(family))]))
        }
        return orders
    }

    /// Instead of those that named another device. In one transaction, so that nothing is lost meanwhile.
    private static func ways(_ peers: [Peer], by index: UInt32) -> [NetlinkMessage] {
        var orders: [NetlinkMessage] = []
        for family in AddressFamily.allCases {
            var flush = order(8, flags: 0)
            flush.add(2, text: way(family))
            orders.append(flush)
            flush = order(8, flags: 0)
            flush.add(2, text: end(family))
            orders.append(flush)
            var end: [Expression] = load(family) + [.forget(all(family))]
            let addresses = peers.compactMap { $0.address(family) }
            for address in addresses { end.append(.forget(set(address))) }
            orders.append(rule(Self.end(family), end))
            for address in addresses {
                let name = set(address)
                let isIts: [Expression] = load(family) + [.isIn(name), .renew(name), .renew(all(family))]
                let way: [Expression] = [
                    .immediate(withUnsafeBytes(of: index, Array.init), register: 1),
                    .immediate(bytes(address), register: 2), .forward(family.number),
                ]
                orders.append(rule(Self.way(family), isIts + way))
            }
        }
        return orders
    }

    private static func newSet(_ name: String, _ number: UInt32, _ family: AddressFamily) -> NetlinkMessage {
        var order = order(9)
        order.add(2, text: name)
        order.add(3, UInt32(0x30).bigEndian)  // NFT_SET_TIMEOUT, NFT_SET_EVAL
        order.add(4, type(family).bigEndian)
        order.add(5, UInt32(family == .ipv4 ? 16 : 40).bigEndian)
        order.nest(9) { $0.add(1, room.bigEndian) }
        order.add(10, number.bigEndian)
        order.add(11, lifetime.bigEndian)
        return order
    }

    /// As nft(8) would have it, for those who list the table: ipv4_addr (7) or ipv6_addr (8) . inet_service (13), twice.
    private static func type(_ family: AddressFamily) -> UInt32 {
        let end: UInt32 = (family == .ipv4 ? 7 : 8) << 6 | 13
        return end << 12 | end
    }

    private static func element(_ set: String, _ key: [UInt8]) -> NetlinkMessage {
        var order = order(12)
        order.add(2, text: set)
        order.nest(3) { list in list.nest(1) { element in element.nest(1) { $0.add(1, key) } } }
        return order
    }

    private static func removal(of set: String) -> NetlinkMessage {
        var order = order(11, flags: 0)
        order.add(2, text: set)
        return order
    }

    private static func chain(_ name: String) -> NetlinkMessage {
        var order = order(3)
        order.add(3, text: name)
        return order
    }

    private static func rule(_ chain: String, _ expressions: [Expression]) -> NetlinkMessage {
        var rule = order(6, flags: NetlinkMessage.create | NetlinkMessage.append)
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
    private static func order(_ type: UInt16, flags: UInt16 = NetlinkMessage.create) -> NetlinkMessage {
        var order = NetlinkMessage(
            type: Nftables.subsystem << 8 | type, flags: NetlinkMessage.request | NetlinkMessage.acknowledge | flags,
            header: [netdev, 0, 0, 0])
        order.add(1, text: table)
        return order
    }

    /// NFPROTO_NETDEV.
    private static let netdev: UInt8 = 5
}
