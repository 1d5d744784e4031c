import Lab
import Testing

@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct UpkeepTests {
    /// A connection whose last segments pass the queues unseen is forgotten a minute after its session has ended, although
    /// no further segment comes that would do it.
    @Test func whatEndedUnseenIsForgotten() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let conversation = try await lab.converse(lab.plan(.echo, 0))
            try await conversation.bounce(100)
            #expect(try await sluice.status().tracking.connections == 1)
            // What connection tracking is told not to track reaches its socket, but no queue.
            for chain in ["PREROUTING", "OUTPUT"] {
                try await lab.shell(in: .box, "iptables -t raw -A \(chain) -p tcp -j NOTRACK")
            }
            try await conversation.end()
            try await lab.waitUntilIdle(sluice)
            #expect(try await sluice.status().tracking.connections == 1)
            try await lab.wait(for: "the connection to be forgotten", within: .seconds(120)) {
                try await sluice.status().tracking.connections == 0
            }
        }
    }
}
