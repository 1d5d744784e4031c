/// What a lab is made of. The default: one client with two links, the box, one server, nothing limited, no Sluice.
public struct LabConfiguration: Sendable {
    /// A wire between the box and a client or server, the same in both directions.
    public struct Link: Sendable {
        /// The interface's name in the box (and in the client); `lan0`, `lan1` … or `wan0` … when nil.
        public var name: String?
        public var rate: BitRate?
        /// One way; a round trip takes twice as long.
        public var delay: Duration
        /// Each packet's delay differs from `delay` by at most this; packets stay in order.
        public var jitter: Duration
        /// The probability, 0 to 1, that a packet is lost, each way.
        public var loss: Double
        /// The largest packet, in bytes, that the router in the link's middle forwards; it answers larger ones with
        /// ICMP too-big.
        public var mtu: Int?

        public init(
            name: String? = nil, rate: BitRate? = nil, delay: Duration = .zero, jitter: Duration = .zero,
            loss: Double = 0, mtu: Int? = nil
        ) {
            self.name = name
            self.rate = rate
            self.delay = delay
            self.jitter = jitter
            self.loss = loss
            self.mtu = mtu
        }

        var needsHop: Bool { isDelayed || loss > 0 || mtu != nil }
        var isDelayed: Bool { delay > .zero || jitter > .zero }
    }

    public struct Client: Sendable {
        /// 1 to 8 links; the first is the default route.
        public var links: [Link]

        public init(links: [Link] = [Link(), Link()]) { self.links = links }
    }

    /// 1 to 15 clients.
    public var clients: [Client]
    /// The box's links to the servers, 1 to 99.
    public var servers: [Link]
    /// Does the box forward, IPv4 and IPv6?
    public var forwarding: Bool
    /// The boxes of a cluster, 0 to 16: `Members.swift` draws them.
    public var members = 0
    /// The text of Sluice's configuration file; nil leaves Sluice off.
    public var sluice: String?
    /// What the lab's own servers send by, and the box where its programs don't choose; nil: the system's default.
    public var congestionControl: String?
    /// Every node's own default (net.ipv4.tcp_congestion_control), before any socket is made; nil: the machine's. One of
    /// `CongestionControls.available`.
    public var defaultCongestionControl: String?

    public init(
        clients: [Client] = [Client()], servers: [Link] = [Link()], forwarding: Bool = true, sluice: String? = nil
    ) {
        self.clients = clients
        self.servers = servers
        self.forwarding = forwarding
        self.sluice = sluice
    }

    func validate() throws(LabError) {
        guard (1...15).contains(clients.count), clients.allSatisfy({ (1...8).contains($0.links.count) }),
            (1...99).contains(servers.count)
        else { throw .configuration("a lab has 1-15 clients with 1-8 links each, and 1-99 servers") }
        for link in clients.flatMap(\.links) + servers {
            guard (0...1).contains(link.loss) else { throw .configuration("loss \(link.loss) is not within 0-1") }
            guard link.mtu.map({ (1280...1500).contains($0) }) ?? true else {
                throw .configuration("mtu \(link.mtu!) is not within 1280-1500")
            }
            guard link.name.map({ (1...15).contains($0.utf8.count) }) ?? true else {
                throw .configuration("interface name \(link.name!) is not of 1-15 bytes")
            }
        }
    }
}

/// A link's rate. Read and written in tc's units: `90mbit`, `1500kbit`, `5gbit`.
public struct BitRate: Hashable, Comparable, Sendable, CustomStringConvertible, LosslessStringConvertible {
    public let bitsPerSecond: UInt64

    public init(bitsPerSecond: UInt64) { self.bitsPerSecond = bitsPerSecond }

    public static func kbit(_ value: UInt64) -> BitRate { BitRate(bitsPerSecond: value * 1_000) }
    public static func mbit(_ value: UInt64) -> BitRate { BitRate(bitsPerSecond: value * 1_000_000) }
    public static func gbit(_ value: UInt64) -> BitRate { BitRate(bitsPerSecond: value * 1_000_000_000) }

    private static let units: [(String, UInt64)] = [
        ("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000), ("bit", 1),
    ]

    public init?(_ description: String) {
        guard let (unit, factor) = Self.units.first(where: { description.lowercased().hasSuffix($0.0) }),
            let value = Double(description.dropLast(unit.count)), value > 0
        else { return nil }
        bitsPerSecond = UInt64(value * Double(factor))
    }

    public var description: String {
        let (unit, factor) = Self.units.first { bitsPerSecond % $0.1 == 0 }!
        return "\(bitsPerSecond / factor)\(unit)"
    }

    public static func < (left: BitRate, right: BitRate) -> Bool { left.bitsPerSecond < right.bitsPerSecond }
}
