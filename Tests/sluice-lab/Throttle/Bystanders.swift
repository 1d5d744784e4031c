import Lab
import LinuxSystem

/// What a rule isn't about: its rate on the fast interface, without the rule and with it.
struct Bystanders {
    let size: UInt64

    private enum Traffic: String, CaseIterable {
        case plain = "plain TCP, forwarded"
        case single = "MPTCP with one subflow, converted"
        case endToEnd = "MPTCP, end to end"
    }

    func run() async throws {
        var table = [["traffic", "direction", "without rule Mbit/s", "with rule Mbit/s"]]
        for traffic in Traffic.allCases {
            for operation in [PeerRequest.Operation.download, .upload] {
                let rates = [
                    try await rate(traffic, operation, rule: false), try await rate(traffic, operation, rule: true),
                ]
                table.append([traffic.rawValue, "\(operation)"] + rates.map(megabits))
            }
        }
        print(textTable(table))
    }

    /// While another transfer is held back, if there is a rule.
    private func rate(_ traffic: Traffic, _ operation: PeerRequest.Operation, rule: Bool) async throws -> Double {
        let text = """

            [[throttle]]
            name = "relieve"
            interface = "fast"
            download = "10mbit"
            upload = "10mbit"
            """
        let configuration = LabConfiguration.throttled()
        return try await Lab.with(configuration) { lab in
            try await lab.startSluice(configuration: configuration.sluiceDefaults + (rule ? text : ""))
            try await lab.serve(traffic == .endToEnd ? .mptcp : .tcp)
            if traffic != .plain { try await lab.mptcp(in: .client(0), ["limits", "set", "subflow", "0"]) }
            let report = try await lab.transfer(operation, size / 4, .v4, traffic == .plain ? .tcp : .mptcp)
            return report.bitsPerSecond
        }
    }
}

/// `action = "backup"`: nothing is shaped, the client and the box use the other subflow.
struct Backup {
    let size: UInt64

    func run() async throws {
        var table = [["direction", "", "rule", "fast Mbit/s", "slow Mbit/s", "sum"]]
        for family in IPFamily.allCases {
            for operation in [PeerRequest.Operation.download, .upload] { table += try await rows(operation, family) }
        }
        print(textTable(table))
    }

    private func rows(_ operation: PeerRequest.Operation, _ family: IPFamily) async throws -> [[String]] {
        // A rule that holds nobody, so that connections can be steered from the start.
        let rule = """

            [[throttle]]
            name = "ready"
            interface = "wan0"
            action = "backup"
            """
        let configuration = LabConfiguration.throttled()
        return try await Lab.with(configuration) { lab in
            let sluice = try await lab.startSluice(configuration: configuration.sluiceDefaults + rule)
            try await lab.serve()
            let size = size
            async let report = lab.transfer(operation, size, family)
            var rows: [[String]] = []
            func measure(_ rule: String) async throws {
                try await Task.sleep(for: .seconds(2))
                let rates = try await lab.rates(operation.direction, during: .seconds(2))
                rows.append(["\(operation)", "\(family)", rule] + (rates + [rates.reduce(0, +)]).map(megabits))
            }
            try await measure("none")
            try await lab.throttles(sluice, "add", "steer", "--interface", "fast", "--action", "backup")
            try await measure("backup")
            try await lab.throttles(sluice, "clear", "steer")
            try await measure("lifted")
            _ = try await report
            return rows
        }
    }
}
