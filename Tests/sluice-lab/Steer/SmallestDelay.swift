import Lab

/// `smallest-delay`: a link becomes slower by 100 ms, and quick again.
struct SmallestDelay {
    let control: String

    private static let rule =
        LabConfiguration.paths + """
            [[steer]]
            name = "quick"
            mode = "smallest-delay"
            paths = ["wired", "mobile"]
            margin = "40ms"
            min_hold = "3s"

            """

    func run() async throws -> [[String]] {
        let configuration = LabConfiguration.steered(control, wanted: .mbit(15))
        return try await Lab.with(configuration) { lab in
            try await lab.startSluice(configuration: configuration.sluiceDefaults + Self.rule)
            let wired = lab.links(of: .client(0))[0]
            var rows: [[String]] = []
            try await lab.loading(for: .seconds(35)) {
                try await Task.sleep(for: .seconds(4))
                let before = try await lab.rates(during: .seconds(3))
                rows.append([control, "5 ms"] + before.map(megabits) + ["-"])
                lab.setDelay(of: wired, .milliseconds(105))
                let left = try await lab.time(within: .seconds(6)) { $0[0] < 1e6 }
                let during = try await lab.rates(during: .seconds(3))
                rows.append([control, "105 ms"] + during.map(megabits) + [seconds(left)])
                lab.setDelay(of: wired, .milliseconds(5))
                let taken = try await lab.time(within: .seconds(12)) { $0[0] > 5e6 }
                try await Task.sleep(for: .seconds(1))
                let after = try await lab.rates(during: .seconds(3))
                rows.append([control, "5 ms"] + after.map(megabits) + [seconds(taken)])
            }
            return rows
        }
    }
}
