import LinuxSystem

// What middleboxes on the way do to packets, in a link's hop: a link whose configuration gives it one (`mtu: 1500`).

extension Lab {
    /// Which way packets go on a link of a client or server.
    public enum Direction: Sendable {
        case towardsNode, towardsBox

        /// The hop's interface on which they come in.
        var interface: String { self == .towardsNode ? "far" : "near" }
        /// The delay lines have 0 and 1.
        var corruptionQueue: UInt16 { self == .towardsNode ? 2 : 3 }
    }

    /// Appends a rule to the hop's mangle FORWARD chain, for packets of both families: matches and a target, e.g.
    /// `["-p", "tcp", "-j", "TCPOPTSTRIP", "--strip-options", "30"]`.
    public func interfere(on link: Link, _ direction: Direction, _ rule: [String]) throws {
        let hop = try hop(of: link)
        for command in ["iptables", "ip6tables"] {
            try runNow(
                ["ip", "netns", "exec", hop.name, command, "-w", "-t", "mangle", "-A", "FORWARD"]
                    + ["-i", direction.interface] + rule)
        }
    }

    /// Loses all packets on a link, both ways, without a word to anybody, until `restore`.
    public func cut(_ link: Link) throws { try setCut(link, "-I") }

    /// Ends what `cut` began.
    public func restore(_ link: Link) throws { try setCut(link, "-D") }

    private func setCut(_ link: Link, _ operation: String) throws {
        let hop = try hop(of: link)
        for command in ["iptables", "ip6tables"] {
            try runNow(
                ["ip", "netns", "exec", hop.name, command, "-w", "-t", "mangle", operation, "FORWARD", "-j", "DROP"])
        }
    }

    /// Takes the box's interface of a link down, or up again with the addresses and routes that went with it.
    public func setBoxInterface(of link: Link, isUp: Bool) throws {
        try runNow(in: .box, ["ip", "link", "set", link.name, isUp ? "up" : "down"])
        guard isUp else { return }
        for family in IPFamily.allCases {
            if family == .v6 {
                let address = "\(link.boxAddress(family))/\(Network.length(family))"
                try runNow(in: .box, ["ip", "address", "replace", address, "dev", link.name, "nodad"])
            }
            guard link.hop != nil else { continue }
            let way = ["via", "\(link.far.host(2, family))", "dev", link.name]
            try runNow(in: .box, ["ip", "route", "replace", link.near.prefix(family)] + way)
        }
    }

    /// Another delay, one way, for a link that was made with one.
    public func setDelay(of link: Link, _ delay: Duration) {
        let lines = state.withLock { state in state.delayLines.filter { $0.link == link.name }.map(\.line) }
        for line in lines { line.setDelay(delay) }
    }

    /// Another rate, both ways, for a server's link that was made with one and has no hop.
    public func setRate(of link: Link, _ rate: BitRate) throws {
        for (node, interface) in [(link.node, link.nodeInterface), (.box, link.name)] {
            try runNow(
                in: node,
                ["tc", "qdisc", "change", "dev", interface, "root"]
                    + Interior.bucket(rate).split(separator: " ").map(String.init))
        }
    }

    /// Changes one byte in the next TCP segment with payload, so that TCP doesn't notice.
    public func corruptOneSegment(on link: Link, _ direction: Direction) throws {
        let place = "\(link.name) \(direction)"
        if let corruption = state.withLock({ $0.corruptions[place] }) { return corruption.arm() }
        let corruption = try PayloadCorruption(queue: direction.corruptionQueue, in: hop(of: link))
        try state.withLock { state throws(LabError) in
            if state.isTornDown {
                corruption.stop()
                throw .tornDown
            }
            state.corruptions[place] = corruption
        }
        corruption.arm()
        try interfere(
            on: link, direction, ["-p", "tcp", "-j", "NFQUEUE", "--queue-num", "\(direction.corruptionQueue)"])
    }

    private func hop(of link: Link) throws(LabError) -> NetworkNamespace {
        guard let hop = link.hop else { throw .configuration("link \(link.name) has no hop") }
        return hop
    }
}
