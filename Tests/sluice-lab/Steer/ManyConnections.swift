import Foundation
import Lab
import LinuxSystem
import Wire

/// What a turn about the paths takes with many connections, and whether packets notice it when all of them are switched.
struct ManyConnections {
    let connections: Int

    func run() async throws -> [[String]] {
        // What is exchanged, some 0.6 Mbit/s, is far less than the one capacity and far more than the other.
        [try await row("no switch", capacity: "90mbit"), try await row("switched and back", capacity: "200kbit")]
    }

    private static func rule(capacity: String) -> String {
        """

        [[path]]
        name = "wired"
        interface = "wired"
        capacity = "\(capacity)"
        [[path]]
        name = "mobile"
        interface = "mobile"
        capacity = "30mbit"
        [[steer]]
        name = "overflow"
        mode = "priority-based"
        high = "wired"
        low = "mobile"
        min_hold = "2s"

        """
    }

    private func row(_ name: String, capacity: String) async throws -> [String] {
        let configuration = LabConfiguration.steered("cubic", wanted: .gbit(1))
        return try await Lab.with(configuration) { lab in
            let sluice = try await lab.startSluice(
                configuration: configuration.sluiceDefaults + Self.rule(capacity: capacity))
            return try await lab.withLoadServer {
                let server = lab.endpoint(.server(0), port: LoadServer.echoPort)
                let parked = try await park(lab, server)
                defer { for some in parked { some.close() } }
                // What the handshakes carried is over, and so is what followed from it.
                try await lab.wait(for: "the low path to be empty", within: .seconds(60)) {
                    try await lab.paths(sluice).paths.allSatisfy { $0.state == "fit" }
                }
                try await Task.sleep(for: .seconds(4))
                let before = try await lab.paths(sluice)
                var plan = EchoPlan(to: server, .mptcp)
                plan.connections = 8
                plan.pause = .milliseconds(1)
                plan.duration = .seconds(10)
                let report = try await lab.inside(.client(0)) { [plan] in try plan.run() }
                guard report.failures.isEmpty else { throw LabError.transfer(report.failures) }
                // Back again.
                try await Task.sleep(for: .seconds(6))
                let after = try await lab.paths(sluice)
                let times = DelaySummary(report.times)
                return [
                    name, "\(connections)", "\(after.paths.map(\.subflows).reduce(0, +))",
                    "\(after.decisions.count - before.decisions.count)",
                    "\(decimal(Double(after.longestTurnUs) / 1000, places: 1)) ms",
                    milliseconds(times?.p50), milliseconds(times?.p99), milliseconds(times?.max),
                ]
            }
        }
    }

    /// Several at a time: each takes two round trips.
    private func park(_ lab: Lab, _ server: Endpoint) async throws -> [ParkedConnections] {
        let threads = 8
        return try await withThrowingTaskGroup { group in
            for number in 0..<threads {
                let count = connections / threads + (number < connections % threads ? 1 : 0)
                group.addTask {
                    try await lab.inside(.client(0)) { try ParkedConnections(count, to: server, .mptcp) }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private func milliseconds(_ time: UInt64?) -> String {
        time.map { "\(decimal(Double($0) / 1e6, places: 1)) ms" } ?? "-"
    }
}
