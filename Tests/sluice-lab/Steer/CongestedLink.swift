import Foundation
import Lab

/// The paper's motive: another user fills the wired link; `when = "congested"` makes room for them without a command.
struct CongestedLink {
    let control: String

    private static func rule(_ action: String) -> String {
        """

        [[path]]
        name = "wired"
        interface = "wired"
        capacity = "90mbit"
        [[throttle]]
        name = "relieve"
        interface = "wired"
        when = "congested"
        \(action)

        """
    }

    func run() async throws -> [[String]] {
        let alone = try await row("alone", lines: "", isMultipath: false)
        let without = try await row("no rule", lines: "", isMultipath: true, alone: alone.others)
        let rows = [alone.row, without.row]
        let shaped = try await row(
            "5mbit", lines: Self.rule("download = \"5mbit\""), isMultipath: true, alone: alone.others)
        let moved = try await row(
            "backup", lines: Self.rule("action = \"backup\""), isMultipath: true, alone: alone.others)
        return rows + [shaped.row, moved.row]
    }

    private func row(
        _ name: String, lines: String, isMultipath: Bool, alone: Double? = nil
    ) async throws -> (row: [String], others: Double) {
        let configuration = LabConfiguration.steered(control, wanted: .gbit(1))
        return try await Lab.with(configuration) { lab in
            try await lab.require(in: .client(0), ["ip", "address", "add", "10.1.0.3/24", "dev", "wired"])
            let sluice = try await lab.startSluice(configuration: configuration.sluiceDefaults + lines)
            let meters = [ByteMeter(), ByteMeter()]
            var figures: [Double] = []
            var on: Duration?
            try await lab.withLoadServer {
                async let mptcp: Void = isMultipath ? lab.download(.mptcp, from: nil, meters[1], for: .seconds(22)) : ()
                try await Task.sleep(for: .seconds(4))
                async let cross: Void = lab.download(.tcp, from: "10.1.0.3", meters[0], for: .seconds(16))
                let start = ContinuousClock.now
                if !lines.isEmpty {
                    while on == nil, ContinuousClock.now - start < .seconds(6) {
                        if try await !lab.decisions(sluice).isEmpty { on = ContinuousClock.now - start }
                    }
                }
                try await Task.sleep(until: start + .seconds(7))
                let before = meters.map(\.bytes)
                let links = try await lab.rates(during: .seconds(7))
                figures = zip(meters.map(\.bytes), before).map { Double($0 - $1) * 8 / 7 } + [links[1]]
                _ = try await (mptcp, cross)
            }
            let share = alone.map { percent(figures[0] / $0) } ?? "100 %"
            return (
                [control, name, megabits(figures[0]), share, megabits(figures[1]), megabits(figures[2]), seconds(on)],
                figures[0]
            )
        }
    }
}

extension Lab {
    /// What experiments read of `sluice paths --json`.
    struct DecisionView: Decodable, Sendable {
        let time: Double
        let rule: String
        let path: String
        let effect: String
        let reason: String
    }

    struct PathView: Decodable, Sendable {
        let name: String
        let state: String
        let subflows: Int
    }

    struct PathsView: Decodable, Sendable {
        let paths: [PathView]
        let decisions: [DecisionView]
        let longestTurnUs: UInt64
    }

    func paths(_ sluice: SluiceDaemon) async throws -> PathsView {
        let text = try await sluice.command("paths", "--json").output
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(PathsView.self, from: Data(text.utf8))
    }

    func decisions(_ sluice: SluiceDaemon) async throws -> [DecisionView] { try await paths(sluice).decisions }
}
