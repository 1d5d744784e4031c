import Foundation
import Lab

/// `after_bytes`: how much a connection, or a client with two, has been given when the rule takes hold.
struct Quota {
    private static let quota: UInt64 = 100_000_000

    func run() async throws {
        var table = [["quota of", "MB", "moved when held", "too much"]]
        for owner in ["connection", "client"] { table.append(try await row(owner)) }
        print(textTable(table))
    }

    private func row(_ owner: String) async throws -> [String] {
        let rule = """

            [[throttle]]
            name = "fair-use"
            min_subflows = 1
            after_bytes = \(Self.quota)
            after_bytes_of = "\(owner)"
            download = "20mbit"
            """
        let configuration = LabConfiguration.throttled()
        return try await Lab.with(configuration) { lab in
            let sluice = try await lab.startSluice(configuration: configuration.sluiceDefaults + rule)
            try await lab.serve()
            let connections = owner == "client" ? 2 : 1
            let size = Self.quota * 11 / 10 / UInt64(connections)
            async let transfers: Void = withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<connections { group.addTask { _ = try await lab.transfer(.download, size) } }
                try await group.waitForAll()
            }
            let moved = try await movedWhenHeld(lab, sluice)
            _ = try await transfers
            let excess = (Double(moved) / Double(Self.quota) - 1) * 100
            return [
                owner, "\(Self.quota / 1_000_000)", decimal(Double(moved) / 1e6, places: 2),
                decimal(excess, places: 2) + " %",
            ]
        }
    }

    /// Bytes of payload that have been acknowledged by or to the client, in the first look that finds a subflow held.
    private func movedWhenHeld(_ lab: Lab, _ sluice: SluiceDaemon) async throws -> UInt64 {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        for _ in 0..<10_000 {
            let text = try await sluice.command("connections", "--json").output
            let views = try decoder.decode([View].self, from: Data(text.utf8))
            if views.contains(where: { $0.subflows.contains { $0.class != nil } }) {
                return views.flatMap(\.subflows).reduce(0) { $0 + $1.bytesToClient + $1.bytesToServer }
            }
        }
        throw LabCommandError(description: "no subflow was ever held")
    }

    private struct View: Decodable {
        struct Subflow: Decodable {
            let `class`: String?
            let bytesToClient: UInt64
            let bytesToServer: UInt64
        }

        let subflows: [Subflow]
    }
}
