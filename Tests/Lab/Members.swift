import LinuxSystem
import Wire

// The boxes of a cluster. The lab's box is the router before them: what clients send it spreads over them by ECMP, and so knows
// nothing of MPTCP; what a server answers goes to the box that the connection came from.
//
//     client ── lan0, lan1 ── [box] ── lan0, lan1 ── [member0] ── wan ──┐
//                              │ ├──── lan0, lan1 ── [member1] ── wan ──┤
//                              │ │                     │ cl0            │
//                              │ └── cl (a bridge) ────┘                │
//     server ───────── wan0 ───┴────────────────────────────────────────┘
//
// Member m's links to the router are 10.(100+m).n.0/24 and fd00:(100+m):n::/64: n counts the clients' links, and is 99 for the way
// to the servers. On the link between the members they have 10.77.0.(m+1) and fd77::(m+1), the router .254 and fd77::fe. Members
// filter by reverse path, strictly, but for that link.

extension Lab.Node {
    var isMember: Bool { if case .member = self { true } else { false } }
}

extension Lab {
    /// A member's address on the link between them.
    public func memberAddress(_ member: Int, _ family: IPFamily = .v4) -> IPAddress {
        IPAddress(family == .v4 ? "10.77.0.\(member + 1)" : "fd77::\(member + 1)")!
    }

    /// The router's, where a directory of theirs can be.
    public static let directoryAddress = "10.77.0.254"

    /// What a member's configuration has besides `sluiceDefaults`. `lookupTimeout`: nil: the default.
    public func memberSettings(_ member: Int, lookupTimeout: Duration? = nil) -> String {
        let own = """
            [cluster]
            id = "box-\(member)"
            redis = "redis://\(Self.directoryAddress)"
            interface = "cl0"
            \(lookupTimeout.map { "lookup_timeout = \"\($0.microseconds / 1000)ms\"" } ?? "")

            """
        return (0..<configuration.members).filter { $0 != member }.reduce(own) { text, peer in
            text + """
                [[peer]]
                id = "box-\(peer)"
                addresses = ["\(memberAddress(peer))", "\(memberAddress(peer, .v6))"]

                """
        }
    }

    /// Cuts a member off from all others, as if it had lost its power; what would go to it goes to the next one.
    public func cutOff(_ member: Int) async throws {
        try await onThread(named: "cut off") { [self] in
            let ways = clientLinks.indices.map { "m\(member)l\($0)" } + ["m\(member)wan", "m\(member)cl"]
            try lead(answersTo: member, to: (member + 1) % configuration.members)
            // Not before: answers would take the way past all members.
            try batch("ip", in: namespace(.box), ways.map { "link set \($0) down" })
        }
    }

    /// What servers answer comes to another member than the one that it belongs to.
    public func leadAnswersAstray() async throws {
        try await onThread(named: "astray") { [self] in
            let count = configuration.members
            for member in 0..<count { try lead(answersTo: member, to: (member + 1) % count) }
        }
    }

    private func lead(answersTo member: Int, to other: Int) throws {
        for family in IPFamily.allCases {
            let way = "via \(network(other, 99).host(2, family)) dev m\(other)wan"
            try batch(
                "ip", in: namespace(.box), options: [family == .v4 ? "-4" : "-6"],
                ["route replace default \(way) table \(2000 + member)"])
        }
    }

    private var clientLinks: [Link] { links.filter(\.node.isClient) }

    func assembleMembers() throws {
        let box = namespace(.box)
        try batch("ip", in: box, ["link add cl type bridge", "link set cl up", "addr add 10.77.0.254/24 dev cl"])
        try batch("ip", in: box, options: ["-6"], ["addr add fd77::fe/64 dev cl nodad"])
        for member in 0..<configuration.members { try assemble(member) }
        try box.run {
            try writeFile("/proc/sys/net/ipv4/fib_multipath_hash_policy", "1")
            try writeFile("/proc/sys/net/ipv6/fib_multipath_hash_policy", "1")
        }
        for family in IPFamily.allCases { try spread(family) }
        try keepWays()
    }

    private func network(_ member: Int, _ link: Int) -> Network {
        Network(v4: "10.\(100 + member).\(link)", v6: "fd00:\(100 + member):\(link)")
    }

    /// Its wires: in the router they are called `m0l0`, `m0wan`, `m0cl`.
    private func assemble(_ member: Int) throws {
        let (box, node) = (namespace(.box), namespace(.member(member)))
        let ways = clientLinks.enumerated().map { ($0.offset, $0.element.name) } + [(99, "wan")]
        let name = { (link: Int) in link == 99 ? "m\(member)wan" : "m\(member)l\(link)" }
        try batch(
            "ip",
            ways.map { "link add \(name($0)) netns \(box.name) type veth peer name \($1) netns \(node.name)" }
                + ["link add m\(member)cl netns \(box.name) type veth peer name cl0 netns \(node.name)"])
        try batch(
            "ip", in: box,
            ways.map { "link set \(name($0.0)) up" } + ["link set m\(member)cl master cl", "link set m\(member)cl up"])
        try batch("ip", in: node, ways.map { "link set \($0.1) up" } + ["link set cl0 up"])
        for family in IPFamily.allCases {
            let (option, length) = ([family == .v4 ? "-4" : "-6"], Network.length(family))
            let end = family == .v6 ? " nodad" : ""
            let own = "addr add \(memberAddress(member, family))/\(length) dev cl0\(end)"
            let addresses = { (host: Int, name: (Int, String) -> String) in
                ways.map {
                    "addr add \(self.network(member, $0).host(host, family))/\(length) dev \(name($0, $1))\(end)"
                }
            }
            try batch("ip", in: box, options: option, addresses(1) { link, _ in name(link) })
            let routes = clientLinks.enumerated().map {
                "route add \($0.element.near.prefix(family)) via \(network(member, $0.offset).host(1, family))"
            }
            let rest = "route add default via \(network(member, 99).host(1, family))"
            try batch("ip", in: node, options: option, addresses(2) { $1 } + [own] + routes + [rest])
        }
        try node.run {
            for name in ["all", "default"] + ways.map(\.1) {
                try writeFile("/proc/sys/net/ipv4/conf/\(name)/rp_filter", "1")
            }
            try writeFile("/proc/sys/net/ipv4/conf/cl0/rp_filter", "2")
        }
    }

    /// What comes from clients goes to any of the members.
    private func spread(_ family: IPFamily) throws {
        var lines: [String] = []
        for (number, link) in clientLinks.enumerated() {
            let hops = (0..<configuration.members).map {
                "nexthop via \(network($0, number).host(2, family)) dev m\($0)l\(number)"
            }
            lines.append("route add default table \(1000 + number) \(hops.joined(separator: " "))")
            lines.append("rule add iif \(link.name) priority 1000 lookup \(1000 + number)")
        }
        for member in 0..<configuration.members {
            lines.append(
                "route add default via \(network(member, 99).host(2, family)) dev m\(member)wan table \(2000 + member)")
            for server in links where !server.node.isClient {
                lines.append(
                    "rule add iif \(server.name) fwmark \(member + 1) priority 1001 lookup \(2000 + member)")
            }
        }
        try batch("ip", in: namespace(.box), options: [family == .v4 ? "-4" : "-6"], lines)
    }

    /// Servers' answers go where the connection came from. What is between clients and members is not tracked.
    private func keepWays() throws {
        var (raw, mangle) = (["*raw"], ["*mangle"])
        for (number, link) in clientLinks.enumerated() {
            raw.append("-A PREROUTING -i \(link.name) -j CT --notrack")
            raw += (0..<configuration.members).map { "-A PREROUTING -i m\($0)l\(number) -j CT --notrack" }
        }
        mangle += (0..<configuration.members).map { "-A PREROUTING -i m\($0)wan -j CONNMARK --set-mark \($0 + 1)" }
        mangle += links.filter { !$0.node.isClient }.map { "-A PREROUTING -i \($0.name) -j CONNMARK --restore-mark" }
        let file = try scratchFile("members")
        try writeFile(file, (raw + ["COMMIT"] + mangle + ["COMMIT", ""]).joined(separator: "\n"))
        for command in ["iptables-restore", "ip6tables-restore"] {
            try runNow(["ip", "netns", "exec", namespace(.box).name, command, file])
        }
    }
}
