import Foundation
import Lab
import Testing

/// docs/grafana asks for what the daemon exports, and for nothing else.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(2))) struct GrafanaTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/grafana")

    private struct Board: Decodable {
        struct Panel: Decodable {
            struct Target: Decodable { let expr: String }
            let title: String
            let type: String
            let targets: [Target]?
        }
        let panels: [Panel]
    }

    private func expressions(ofBoard text: String) throws -> [String] {
        let board = try JSONDecoder().decode(Board.self, from: Data(text.utf8))
        for panel in board.panels { #expect((panel.type == "row") == (panel.targets == nil), "\(panel.title)") }
        return board.panels.flatMap { ($0.targets ?? []).map(\.expr) }
    }

    /// `expr: …`, or `expr: >-` and lines that are set in deeper.
    private func expressions(ofRules text: String) -> [String] {
        text.matches(of: /\n        expr: (?:>-((?:\n          [^\n]+)+)|([^\n]+))/).map { String($0.1 ?? $0.2 ?? "") }
    }

    /// The metrics that an expression names, with the labels that it compares or groups by.
    private func metrics(_ expression: String) -> [(name: String, labels: [Substring: Substring])] {
        expression.matches(of: /(sluice_[a-z_]+)(?:\{([^}]*)\})?/).map { match in
            let pairs = (match.2 ?? "").matches(of: /([a-z_]+)(=~|!=|=)"([^"]*)"/).map {
                ($0.1, $0.2 == "=" ? $0.3 : "")
            }
            return (String(match.1), Dictionary(uniqueKeysWithValues: pairs))
        }
    }

    @Test func everyMetricIsExported() async throws {
        let board = try String(contentsOf: Self.folder.appending(path: "sluice.json"), encoding: .utf8)
        let rules = try String(contentsOf: Self.folder.appending(path: "alerts.yml"), encoding: .utf8)
        let expressions = try (board: self.expressions(ofBoard: board), rules: self.expressions(ofRules: rules))
        #expect(expressions.rules.count == rules.ranges(of: "- alert:").count)
        #expect(expressions.board.allSatisfy { $0.contains("instance=~\"$instance\"") })
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.everything(lab))
            let scrape = try await lab.scrape(sluice)
            for expression in expressions.board + expressions.rules {
                let metrics = self.metrics(expression)
                #expect(!metrics.isEmpty, "\(expression)")
                for (name, labels) in metrics {
                    let series = scrape.values.keys.filter { $0 == name || $0.hasPrefix("\(name){") }
                    #expect(!series.isEmpty || Self.onlyWithTraffic.contains(name), "\(name) in \(expression)")
                    #expect(scrape.types.contains { name == $0.key || name == "\($0.key)_bucket" }, "\(name)")
                    for (label, value) in labels where label != "instance" && !series.isEmpty {
                        let wanted = value.isEmpty ? "\(label)=\"" : "\(label)=\"\(value)\""
                        #expect(series.contains { $0.contains(wanted) }, "\(name) has no \(wanted) in \(expression)")
                    }
                }
                for match in expression.matches(of: /by \(([a-z_, ]+)\) \((?:rate\(|increase\()?(sluice_[a-z_]+)/) {
                    let series = scrape.values.keys.filter { $0.hasPrefix(match.2) }
                    for label in match.1.split(separator: ", ") where label != "instance" && !series.isEmpty {
                        #expect(series.contains { $0.contains("\(label)=\"") }, "\(match.2) has no \(label)")
                    }
                }
            }
        }
    }

    /// Absent until something is known, or has been decided.
    private static let onlyWithTraffic: Set<String> = [
        "sluice_path_rtt_seconds", "sluice_steer_decisions_total", "sluice_throttle_backlog_bytes",
        "sluice_throttle_bytes_total",
        "sluice_throttle_limit_bytes_per_second",
    ]

    private static func everything(_ lab: Lab) -> String {
        """

        [[path]]
        name = "wired"
        interface = "lan0"
        capacity = "90mbit"
        cap = "50GB/month"

        [[path]]
        name = "mobile"
        interface = "lan1"

        [[steer]]
        name = "overflow"
        mode = "priority-based"
        high = "wired"
        low = "mobile"

        [[throttle]]
        name = "held"
        interface = "lan1"
        min_subflows = 1
        download = "50mbit"

        [advanced]
        state_directory = "\(lab.directory)"
        """
    }
}
