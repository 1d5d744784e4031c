import Lab

/// One transfer: unthrottled, then with a rule that is added while it runs, then with that rule lifted.
struct Course {
    let size: UInt64
    let operation: PeerRequest.Operation
    let family: IPFamily

    static let heading = ["direction", "", "rule", "fast Mbit/s", "slow Mbit/s", "sum", "fast back to 80 % after"]

    func rows() async throws -> [[String]] {
        try await Lab.with(.throttled()) { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let (operation, size, family) = (operation, size, family)
            async let report = lab.transfer(operation, size, family)
            try await Task.sleep(for: .seconds(3))
            let free = try await lab.rates(operation.direction, during: .seconds(2))
            try await lab.throttles(
                sluice, "add", "relieve", "--interface", "fast", "--download", "10mbit", "--upload", "10mbit")
            // What was under way before keeps the fast link's socket busy for a while.
            try await Task.sleep(for: .seconds(4))
            let throttled = try await lab.rates(operation.direction, during: .seconds(6))
            try await lab.throttles(sluice, "clear", "relieve")
            let lifted = ContinuousClock.now
            var recovery: Duration?
            while recovery == nil, ContinuousClock.now - lifted < .seconds(5) {
                let rate = try await lab.rates(operation.direction, during: .milliseconds(100))[0]
                if rate >= 0.8 * free[0] { recovery = ContinuousClock.now - lifted }
            }
            let after = try await lab.rates(operation.direction, during: .seconds(2))
            _ = try await report
            return [
                row("none", free, ""), row("10 Mbit/s", throttled, ""),
                row("lifted", after, recovery.map { "\(decimal($0.inSeconds, places: 1)) s" } ?? "not in 5 s"),
            ]
        }
    }

    private func row(_ rule: String, _ rates: [Double], _ recovery: String) -> [String] {
        ["\(operation)", "\(family)", rule] + rates.map(megabits) + [megabits(rates.reduce(0, +)), recovery]
    }
}

/// One transfer with a rule from the beginning: from the second subflow on the fast link is held back.
struct Start {
    /// The box's, for what it sends, if its operator names one.
    var congestionControl: String?
    /// The box's otherwise; nil: the machine's.
    var systemsChoice: String?
    let size: UInt64
    let operation: PeerRequest.Operation
    let family: IPFamily

    static let heading = [
        "direction", "", "box sends by", "fast Mbit/s", "slow Mbit/s", "sum", "second 1", "2", "3", "4", "5",
    ]

    func row() async throws -> [String] {
        let rule = """

            [[throttle]]
            name = "relieve"
            interface = "fast"
            min_subflows = 2
            download = "10mbit"
            upload = "10mbit"
            per = "subflow"
            """
        let relay = congestionControl.map { "\n[relay]\ncongestion_control = \"\($0)\"\n" } ?? ""
        let configuration = LabConfiguration.throttled()
        return try await Lab.with(configuration) { lab in
            if let systemsChoice {
                try lab.setSysctl(in: .box, "net/ipv4/tcp_congestion_control", systemsChoice)
            }
            try await lab.startSluice(configuration: configuration.sluiceDefaults + relay + rule)
            try await lab.serve()
            let (operation, size, family) = (operation, size / 2, family)
            async let report = lab.transfer(operation, size, family)
            var seconds: [[Double]] = []
            for _ in 0..<14 { seconds.append(try await lab.rates(operation.direction, during: .seconds(1))) }
            _ = try await report
            let steady = seconds.dropFirst(4)
            let means = seconds[0].indices.map { link in
                steady.reduce(0) { $0 + $1[link] } / Double(steady.count)
            }
            let sentBy = congestionControl ?? systemsChoice.map { "\($0), then BBR" } ?? "default"
            return ["\(operation)", "\(family)", sentBy] + (means + [means.reduce(0, +)]).map(megabits)
                + seconds.prefix(5).map { $0.map(megabits).joined(separator: " + ") }
        }
    }
}
