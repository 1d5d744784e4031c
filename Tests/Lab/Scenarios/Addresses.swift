import Wire

extension Scenario {
    /// ADD_ADDR with its echo, and REMOVE_ADDR (RFC 8684, section 3.4).
    static let addresses = [
        Scenario("address-by-peer") { stage, family in
            try await announce(try await stage.peerAddress(3, family), by: stage.peer, stage, family)
        },
        Scenario("address-and-port-by-peer") { stage, family in
            try await announce(try await stage.peerAddress(3, family), port: 8080, by: stage.peer, stage, family)
        },
        Scenario("address-and-port-by-client") { stage, family in
            // Without a port there would be nobody to listen there.
            let address = stage.lab.address(stage.client, link: 1, family)
            try await announce(address, port: 8080, by: stage.client, stage, family)
        },
        Scenario("addresses-withdrawn-together") { stage, family in
            let addresses = [try await stage.peerAddress(3, family), try await stage.peerAddress(4, family)]
            try await stage.converse(family) { conversation in
                for (count, address) in zip(1..., addresses) {
                    try await stage.lab.mptcp(
                        in: stage.peer, ["endpoint", "add", "\(address)", "id", "\(count)", "signal"])
                    try await stage.wait(for: "EchoAdd", in: stage.peer, toGrowBy: UInt64(count))
                }
                try await conversation.bounce(100_000)
                // One REMOVE_ADDR for both.
                try await stage.lab.mptcp(in: stage.peer, ["endpoint", "flush"])
                try await stage.wait(for: "RmAddr", in: stage.client, toGrowBy: 2)
            }
        },
    ]

    /// Announces an address, waits for the echo and, where it can't fail, the join, and withdraws it.
    private static func announce(
        _ address: IPAddress, port: UInt16? = nil, by sender: Lab.Node, _ stage: Stage, _ family: IPFamily
    ) async throws {
        // An IPv6 address with port and HMAC is 30 bytes, and does not fit beside TCP's timestamps.
        try stage.lab.setSysctl(in: stage.client, "net/ipv4/tcp_timestamps", family == .v6 && port != nil ? "0" : "1")
        let receiver = sender == stage.client ? stage.peer : stage.client
        try await stage.converse(family) { conversation in
            try await stage.lab.mptcp(
                in: sender,
                ["endpoint", "add", address.description, "id", "9"] + (port.map { ["port", "\($0)"] } ?? [])
                    + ["signal"])
            try await stage.wait(for: "EchoAdd", in: sender)
            // The box listens on the server's port for the server's address, not for its own.
            if stage.route == .endToEnd { try await stage.wait(for: "MPJoinAckRx", in: sender) }
            try await conversation.bounce(100_000)
            try await stage.lab.mptcp(in: sender, ["endpoint", "delete", "id", "9"])
            try await stage.wait(for: "RmAddr", in: receiver)
        }
    }
}

extension Stage {
    /// Gives the client's peer one more address that the client can reach, with this host number.
    fileprivate func peerAddress(_ host: Int, _ family: IPFamily) async throws -> IPAddress {
        let link = lab.links(of: route == .endToEnd ? peer : client)[0]
        let network = route == .endToEnd || link.hop == nil ? link.near : link.far
        let address = network.host(host, family)
        try await lab.require(
            in: peer,
            ["ip", "addr", "replace", "\(address)/\(Lab.Network.length(family))"]
                + ["dev", route == .endToEnd ? link.nodeInterface : link.name] + (family == .v6 ? ["nodad"] : []))
        return address
    }
}
