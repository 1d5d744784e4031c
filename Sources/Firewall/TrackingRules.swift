/// What the router's own rules ask of connection tracking that converted connections don't go with.
public struct TrackingRules: Hashable, Sendable {
    /// TCP ports of servers that are given to helpers: `-j CT --helper ftp`. A helper reads what client and server say to each
    /// other to let their further connections through (RELATED); of a converted connection it would see neither.
    public var helperPorts: Set<UInt16> = []
    /// The two directions of some connections are in different zones: `-j CT --zone-orig 1`. The entries of the client's SYN,
    /// which comes back by the TUN device, and of its further segments would then have the same answers, and the kernel
    /// drops what clashes (nf_conntrack_core.c, __nf_conntrack_confirm).
    public var hasZonesByDirection = false

    public init() {}

    /// From text as iptables-save prints it.
    init(in saved: String) {
        helperPorts = Self.ports(in: saved)
        hasZonesByDirection = Self.lines(in: saved).contains {
            $0.contains(" --zone-orig ") || $0.contains(" --zone-reply ")
        }
    }

    mutating func formUnion(_ other: TrackingRules) {
        helperPorts.formUnion(other.helperPorts)
        hasZonesByDirection = hasZonesByDirection || other.hasZonesByDirection
    }

    private static func lines(in saved: String) -> [String] {
        RuleSet(saved).tables.filter { $0.name == "raw" || $0.name == "mangle" }.flatMap(\.lines)
    }

    /// The TCP ports of servers that rules of raw or mangle name, in text as iptables-save prints it. A rule that names none
    /// means the helper's usual port.
    static func ports(in saved: String) -> Set<UInt16> {
        lines(in: saved).reduce(into: []) { $0.formUnion(ports(of: $1)) }
    }

    private static func ports(of rule: String) -> [UInt16] {
        let words = rule.split(separator: " ").map(String.init)
        let value = { (option: String) in
            words.firstIndex(of: option).flatMap { words.indices.contains($0 + 1) ? $0 : nil }
        }
        guard words.first == "-A", let helper = value("--helper"), let target = value("-j"), words[target + 1] == "CT"
        else { return [] }
        if let place = value("-p"), words[place + 1] != "tcp" || words[place - 1] == "!" { return [] }
        guard let place = value("--dport") ?? value("--dports"), words[place - 1] != "!" else {
            return usualPorts[words[helper + 1]].map { [$0] } ?? []
        }
        return words[place + 1].split(separator: ",").flatMap { part -> [UInt16] in
            let ends = part.split(separator: ":").map { UInt16($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last else { return [] }
            return Array(first...last)
        }
    }

    /// As the kernel's modules have them (net/netfilter/nf_conntrack_ftp.c and its like). TFTP's is one of UDP.
    private static let usualPorts: [String: UInt16] = [
        "ftp": 21, "irc": 6667, "pptp": 1723, "sip": 5060, "Q.931": 1720, "h323": 1720, "sane": 6566, "amanda": 10080,
    ]
}

extension Firewall {
    /// Those of either family and kind of iptables. What can't be read has none: a router without IPv6, or without the other
    /// kind of iptables.
    ///
    /// It reads all rules, a second for ten thousand of them.
    public static func trackingRules() async -> TrackingRules { await trackingRules(Tool(prefix: [])) }

    static func trackingRules(_ tool: Tool) async -> TrackingRules {
        var rules = TrackingRules()
        for backend in Backend.allCases {
            for family in await families(tool) {
                guard let text = try? await backend.saved(family, tool) else { continue }
                rules.formUnion(TrackingRules(in: text))
            }
        }
        return rules
    }
}
