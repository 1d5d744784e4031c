import Lab

/// `load-balancing`: 70 to 30, whether the links or the demand are the limit.
struct Balance {
    let control: String

    private static let rule =
        LabConfiguration.paths + """
            [[steer]]
            name = "shares"
            mode = "load-balancing"
            weights = { wired = 70, mobile = 30 }

            """

    func run() async throws -> [[String]] {
        var rows: [[String]] = []
        for operation in [PeerRequest.Operation.download, .upload] {
            for wanted in [20, 50, 200] as [UInt64] { rows.append(try await row(operation, wanted)) }
        }
        return rows
    }

    private func row(_ operation: PeerRequest.Operation, _ wanted: UInt64) async throws -> [String] {
        let configuration = LabConfiguration.steered(control, wanted: .mbit(wanted))
        return try await Lab.with(configuration) { lab in
            try await lab.startSluice(configuration: configuration.sluiceDefaults + Self.rule)
            var row: [String] = []
            try await lab.loading(operation, for: .seconds(17)) {
                try await Task.sleep(for: .seconds(6))
                let rates = try await lab.rates(operation.direction, during: .seconds(10))
                row = [control, "\(operation)", "\(wanted)"] + rates.map(megabits)
                row.append(percent(rates[0] / rates.reduce(0, +)))
            }
            return row
        }
    }
}
