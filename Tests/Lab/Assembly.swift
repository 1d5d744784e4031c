import LinuxSystem

// How a lab comes up: namespaces, their sysctls, the wires, then addresses, routes and limits inside each namespace.
// iproute2 reads each step as one batch.

extension Lab {
    func assemble() throws {
        try makeDirectory(directory)
        try batch("ip", namespaces.map { "netns add \($0)" })
        for node in nodes {
            try setSysctls(
                namespace(node), forwarding: (node == .box || node.isMember) && configuration.forwarding)
        }
        for hop in links.compactMap(\.hop) { try setSysctls(hop, forwarding: true) }
        if let name = configuration.defaultCongestionControl {
            try CongestionControls.choose(name, in: namespaces.map { NetworkNamespace($0) })
        }
        try batch("ip", links.flatMap(wires))
        for node in nodes { try configure(namespace(node), Interior(lab: self, node: node)) }
        for link in links {
            if let hop = link.hop {
                try configure(hop, Interior(hopOf: link))
                try impair(link, in: hop)
            }
        }
        if configuration.members > 0 { try assembleMembers() }
        if let name = configuration.congestionControl { try sendFromBox(by: name) }
    }

    /// By the box's routes (ip-route(8), congctl): a namespace's own default can only be what the machine allows to
    /// everyone (tcp_allowed_congestion_control).
    private func sendFromBox(by congestionControl: String) throws {
        let box = namespace(.box)
        for family in ["-4", "-6"] {
            let routes = try runNow(["ip", "-n", box.name, family, "route", "show"])
            let changes = routes.split(separator: "\n").filter { !$0.hasPrefix("fe80::") }.map {
                "route change \($0) congctl \(congestionControl)"
            }
            try batch("ip", in: box, options: [family], changes)
        }
    }

    /// The defaults come first: an interface inherits them when it is made.
    private func setSysctls(_ namespace: NetworkNamespace, forwarding: Bool) throws {
        try namespace.run {
            for (key, value) in [
                ("ipv4/conf/default/rp_filter", "0"), ("ipv4/conf/all/rp_filter", "0"),
                ("ipv6/conf/default/accept_dad", "0"), ("ipv6/conf/all/accept_dad", "0"),
                ("ipv4/ip_forward", forwarding ? "1" : "0"), ("ipv6/conf/all/forwarding", forwarding ? "1" : "0"),
            ] {
                try writeFile("/proc/sys/net/\(key)", value)
            }
        }
    }

    /// One veth pair, or two with the hop between them.
    private func wires(_ link: Link) -> [String] {
        let node = namespace(link.node).name
        let box = namespace(.box).name
        guard let hop = link.hop?.name else {
            return ["link add \(link.name) netns \(box) type veth peer name \(link.nodeInterface) netns \(node)"]
        }
        return [
            "link add near netns \(hop) type veth peer name \(link.nodeInterface) netns \(node)",
            "link add \(link.name) netns \(box) type veth peer name far netns \(hop)",
        ]
    }

    private func configure(_ namespace: NetworkNamespace, _ interior: Interior) throws {
        try batch("ip", in: namespace, interior.interfaces + interior.pathManager)
        for family in IPFamily.allCases {
            try batch("ip", in: namespace, options: [family == .v4 ? "-4" : "-6"], interior.addressing(family))
        }
        try batch("tc", in: namespace, interior.rates)
    }

    /// Delay and loss, in the hop.
    private func impair(_ link: Link, in hop: NetworkNamespace) throws {
        let impairment = link.configuration
        guard impairment.isDelayed || impairment.loss > 0 else { return }
        var rules: [String] = []
        for (queue, interface) in ["near", "far"].enumerated() {
            if impairment.loss > 0 {
                rules.append(
                    "-A FORWARD -i \(interface) -m statistic --mode random --probability \(impairment.loss) -j DROP")
            }
            if impairment.isDelayed {
                rules.append("-A FORWARD -i \(interface) -j NFQUEUE --queue-num \(queue) --queue-bypass")
                let line = try DelayLine(
                    queue: UInt16(queue), in: hop, delay: impairment.delay, jitter: impairment.jitter)
                try state.withLock { state throws(LabError) in
                    if state.isTornDown {
                        line.stop()
                        throw .tornDown
                    }
                    state.delayLines.append((link.name, line))
                }
            }
        }
        let file = try scratchFile("rules")
        try writeFile(file, (["*mangle"] + rules + ["COMMIT", ""]).joined(separator: "\n"))
        for command in ["iptables-restore", "ip6tables-restore"] {
            try runNow(["ip", "netns", "exec", hop.name, command, file])
        }
    }

    func batch(
        _ program: String, in namespace: NetworkNamespace? = nil, options: [String] = [], _ lines: [String]
    ) throws {
        guard !lines.isEmpty else { return }
        let file = try scratchFile("batch")
        try writeFile(file, lines.joined(separator: "\n") + "\n")
        let inside = namespace.map { ["-n", $0.name] } ?? []
        try runNow([program] + inside + options + ["-batch", file])
    }
}
