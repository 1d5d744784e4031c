extension Scenario {
    /// Checksums, MP_FAIL and the ways back to TCP (RFC 8684, sections 3.3.1, 3.7 and 3.8).
    static let fallbacks = [
        Scenario("plain-server", routes: [.endToEnd], server: .tcp) { stage, family in
            try await stage.addSubflow(1, family)
            try await stage.converse(family)
        },
        Scenario("stripped-syn-ack") { stage, family in
            try stage.stripOptions(["--tcp-flags", "SYN,ACK", "SYN,ACK"])
            try await stage.converse(family)
        },
        Scenario("stripped-after-syn") { stage, family in
            try stage.stripOptions(["--tcp-flags", "SYN", "NONE"])
            try await stage.converse(family)
        },
        // A box lets them pass.
        Scenario("checksums", routes: [.endToEnd]) { stage, family in
            try stage.requireChecksums()
            try await stage.addSubflow(1, family)
            try await stage.converse(family) { conversation in
                try await stage.awaitJoins(1)
                try await conversation.bounce(300_000)
            }
        },
        Scenario("checksum-failure-alone", routes: [.endToEnd]) { stage, family in
            try stage.requireChecksums()
            try await stage.converse(family) { conversation in
                try stage.corruptOneSegment()
                // With one subflow the data is taken as it came, and MPTCP ends (section 3.7).
                try await conversation.bounce(50_000, isDamaged: true)
            }
        },
        Scenario("checksum-failure-with-others", routes: [.endToEnd]) { stage, family in
            try stage.requireChecksums()
            // A backup, so that what is corrupted goes over the first link.
            try await stage.addSubflow(1, family, flags: ["backup"])
            try await stage.converse(family) { conversation in
                try await stage.awaitJoins(1)
                try stage.corruptOneSegment()
                try await conversation.bounce(50_000)
            }
        },
    ]
}

extension Stage {
    /// Takes all MPTCP options, kind 30, off some packets of the first link, both ways.
    fileprivate func stripOptions(_ match: [String]) throws {
        for direction in [Lab.Direction.towardsNode, .towardsBox] {
            try lab.interfere(
                on: lab.links(of: client)[0], direction,
                ["-p", "tcp"] + match + ["-j", "TCPOPTSTRIP", "--strip-options", "30"])
        }
    }

    fileprivate func requireChecksums() throws {
        for node in [client, peer] { try lab.setSysctl(in: node, "net/mptcp/checksum_enabled", "1") }
    }

    fileprivate func corruptOneSegment() throws {
        try lab.corruptOneSegment(on: lab.links(of: client)[0], .towardsNode)
    }
}
