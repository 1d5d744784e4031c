public import Marks
public import Wire

/// What the templates in `iptables/` leave open.
public struct RuleSetting: Sendable, Hashable {
    /// Which of the two kinds of iptables the rules go to; a router uses one of them.
    public enum Backend: String, Sendable, Hashable, CaseIterable {
        /// The one that the command `iptables` stands for.
        case auto
        case nft
        case legacy
    }

    /// The name of the TUN device by which a SYN that is to be converted comes back.
    public var tun: String
    public var mark: PacketMark
    /// The first NFQUEUE that MPTCP SYNs are held in.
    public var synQueue: UInt16
    /// The NFQUEUEs that share the data segments, a subflow always on the same one.
    public var dataQueues: ClosedRange<UInt16>
    /// May rules have programs (xt_bpf)? Without, all SYNs go to the first queue, and acknowledgements to the data queues.
    public var usesPrograms: Bool
    /// The routing table that delivers everything to the box, and with the next one, for reverse look-ups, ours alone.
    public var routeTable: UInt32
    /// The first of the four adjacent priorities of our routing rules. They have to come before the operator's own.
    public var rulePriority: UInt32
    /// Where the redirect listeners are bound: for IPv4 in 127.0.0.0/8, for IPv6 an address that nobody else uses.
    public var listenAddress: IPAddress
    public var listenAddress6: IPAddress
    public var backend: Backend
    /// Are the segments of MPTCP connections that are forwarded queued as well?
    public var inspectsEndToEnd: Bool
    /// Are segments queued that carry nothing but data, besides those that may carry signalling?
    public var inspectsBulk: Bool
    /// The major number of the HTB qdiscs whose classes throttled subflows join.
    public var htb: UInt16
    /// Are MPTCP connections of this machine left to a path manager in user space, which can name single subflows?
    public var steersSubflows: Bool
    /// Is the router's TCP to send large segments also over round trips of some milliseconds? The operator's own choice comes
    /// first: see `BorrowedSysctl.segmentsByRoundTrip`.
    public var enlargesSegments = true
    /// Are the segments of servers queued that have a DSCP?
    public var copiesDSCP: Bool
    /// The interface by which the other boxes of a cluster lead subflows here; nil: there are none.
    public var peers: String?
    /// By which rules know the sockets of this box's own.
    public var groups: SocketGroups
    /// The interfaces by which servers may be reached, 255 at most: a connection stays with the one that its SYN was
    /// forwarded to. A connection's mark has the place of its interface here, so entries are only ever added.
    public var exits: [String]

    public init(
        tun: String, mark: PacketMark, synQueue: UInt16, dataQueues: ClosedRange<UInt16>, routeTable: UInt32,
        rulePriority: UInt32, listenAddress: IPAddress, listenAddress6: IPAddress, backend: Backend,
        inspectsEndToEnd: Bool, inspectsBulk: Bool, htb: UInt16, steersSubflows: Bool, groups: SocketGroups,
        copiesDSCP: Bool = true, peers: String? = nil, usesPrograms: Bool = true, exits: [String] = []
    ) {
        self.tun = tun
        self.mark = mark
        self.synQueue = synQueue
        self.dataQueues = dataQueues
        self.routeTable = routeTable
        self.rulePriority = rulePriority
        self.listenAddress = listenAddress
        self.listenAddress6 = listenAddress6
        self.backend = backend
        self.inspectsEndToEnd = inspectsEndToEnd
        self.inspectsBulk = inspectsBulk
        self.htb = htb
        self.steersSubflows = steersSubflows
        self.groups = groups
        self.copiesDSCP = copiesDSCP
        self.peers = peers
        self.usesPrograms = usesPrograms
        self.exits = exits
    }
}

extension RuleSetting {
    /// The NFQUEUE for acknowledgements. It has no reader most of the time; packets then pass it by.
    public var acknowledgementQueue: UInt16 { dataQueues.upperBound + 1 }

    /// The NFQUEUEs that share the SYNs, as many as there are data queues. The first comes before the data queues, the others
    /// behind all others.
    public var synQueues: [UInt16] {
        [synQueue] + (1..<UInt16(dataQueues.count)).map { acknowledgementQueue + $0 }
    }

    /// The highest number of a queue.
    public var lastQueue: UInt16 { synQueues.last == synQueue ? acknowledgementQueue : synQueues.last! }

    /// Which queue a SYN is in.
    public var spread: PortSpread { PortSpread(count: dataQueues.count) }

    /// Adds the interfaces that aren't there yet, as far as there is room.
    ///
    /// - Returns: whether there was one to add.
    @discardableResult
    public mutating func addExits(_ interfaces: [String]) -> Bool {
        let before = exits.count
        for name in interfaces where !exits.contains(name) && exits.count < 255 && Self.canBeExit(name, tun: tun) {
            exits.append(name)
        }
        return exits.count > before
    }

    /// Rules name an interface as one word, and take a `+` at its end for any more characters. Nothing is routed to the IFB
    /// devices that throttles and `sluice check` make, `sluice1` and `sluice-2` for example.
    private static func canBeExit(_ name: String, tun: String) -> Bool {
        name != tun && name != "lo" && !name.hasSuffix("+") && !isOwnDevice(name)
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "'") }
    }

    private static func isOwnDevice(_ name: String) -> Bool {
        guard name.hasPrefix("sluice"), let next = name.dropFirst(6).utf8.first else { return false }
        return next == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next)
    }
}

/// IPv4 or IPv6: the rules exist once for each.
public enum AddressFamily: String, Sendable, Hashable, CaseIterable {
    case ipv4 = "4"
    case ipv6 = "6"

    /// `-4` or `-6`, as `ip` and iptables-restore take it.
    var option: String { "-\(rawValue)" }
}
