import Lab

/// `active-standby`: the active link dies in mid-transfer, and comes back.
struct Standby {
    let control: String

    private static let rule =
        LabConfiguration.paths + """
            [[steer]]
            name = "reserve"
            mode = "active-standby"
            active = "wired"
            standby = "mobile"
            min_hold = "5s"

            """

    private enum Failure: String, CaseIterable {
        case silence = "packets are lost"
        case interface = "the box's interface goes down"
    }

    func run() async throws -> [[String]] {
        var rows: [[String]] = []
        for failure in Failure.allCases { rows.append(try await row(failure)) }
        return rows
    }

    private func row(_ failure: Failure) async throws -> [String] {
        let configuration = LabConfiguration.steered(control, wanted: .mbit(20))
        return try await Lab.with(configuration) { lab in
            try await lab.startSluice(configuration: configuration.sluiceDefaults + Self.rule)
            let wired = lab.links(of: .client(0))[0]
            let meter = ByteMeter()
            var row: [String] = []
            try await lab.loading(for: .seconds(26), meter: meter) {
                try await Task.sleep(for: .seconds(3))
                let before = try await lab.rates(during: .seconds(2))
                try set(failure, true, wired, lab)
                let pause = try await longestPause(meter, for: .seconds(5))
                let after = try await lab.rates(during: .seconds(2))
                try set(failure, false, wired, lab)
                let back = try await lab.time(within: .seconds(12)) { $0[0] > 15e6 && $0[1] < 1e6 }
                row = [
                    control, failure.rawValue, seconds(pause), megabits(before[0]), megabits(after[1]), seconds(back),
                ]
            }
            return row
        }
    }

    private func set(_ failure: Failure, _ isBroken: Bool, _ link: Lab.Link, _ lab: Lab) throws {
        switch failure {
        case .silence: try isBroken ? lab.cut(link) : lab.restore(link)
        case .interface: try lab.setBoxInterface(of: link, isUp: !isBroken)
        }
    }

    /// The longest time in which nothing arrived.
    private func longestPause(_ meter: ByteMeter, for duration: Duration) async throws -> Duration {
        let start = ContinuousClock.now
        var (last, since, longest) = (meter.bytes, start, Duration.zero)
        while ContinuousClock.now - start < duration {
            try await Task.sleep(for: .milliseconds(5))
            guard meter.bytes != last else { continue }
            longest = max(longest, .now - since)
            (last, since) = (meter.bytes, .now)
        }
        return max(longest, .now - since)
    }
}
