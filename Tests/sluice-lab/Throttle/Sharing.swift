import Lab

/// Two clients behind one interface, with two connections each, by who shares the rule's rate.
struct Sharing {
    let size: UInt64

    func run() async throws {
        var table = [["per", "classes", "subflows", "fast Mbit/s", "slow Mbit/s", "each class Mbit/s"]]
        for sharing in ["class", "client", "subflow"] { table.append(try await row(sharing)) }
        print(textTable(table))
    }

    private func row(_ sharing: String) async throws -> [String] {
        let rule = """

            [[throttle]]
            name = "relieve"
            interface = "fast"
            download = "10mbit"
            per = "\(sharing)"
            """
        let configuration = LabConfiguration.throttled()
        return try await Lab.with(configuration) { lab in
            // The other client is another address of the same machine.
            try await lab.require(in: .client(0), ["ip", "address", "add", "10.1.0.3/24", "dev", "fast"])
            let sluice = try await lab.startSluice(configuration: configuration.sluiceDefaults + rule)
            try await lab.serve()
            let size = size / 8
            async let transfers: Void = withThrowingTaskGroup(of: Void.self) { group in
                for address in ["10.1.0.2", "10.1.0.2", "10.1.0.3", "10.1.0.3"] {
                    group.addTask { _ = try await lab.transfer(.download, size, from: address) }
                }
                try await group.waitForAll()
            }
            try await Task.sleep(for: .seconds(3))
            let rates = try await lab.rates(during: .seconds(4))
            let report = try await lab.throttleReports(sluice)[0]
            _ = try await transfers
            let each = report.classes.map { megabits(Double($0.recentRate)) }.joined(separator: ", ")
            return [sharing, "\(report.classes.count)", "\(report.subflows)"] + rates.map(megabits) + [each]
        }
    }
}

/// A fast link held back between two slow ones.
struct ThreeLinks {
    let size: UInt64

    func run() async throws {
        var table = [["direction", "", "rule", "fast Mbit/s", "slow Mbit/s", "slow Mbit/s", "sum"]]
        for family in IPFamily.allCases {
            for operation in [PeerRequest.Operation.download, .upload] {
                table.append(try await row(operation, family))
            }
        }
        print(textTable(table))
    }

    private func row(_ operation: PeerRequest.Operation, _ family: IPFamily) async throws -> [String] {
        let rule = """

            [[throttle]]
            name = "relieve"
            interface = "fast"
            min_subflows = 3
            download = "10mbit"
            upload = "10mbit"
            """
        let configuration = LabConfiguration.throttled(slow: 2)
        return try await Lab.with(configuration) { lab in
            try await lab.startSluice(configuration: configuration.sluiceDefaults + rule)
            try await lab.serve()
            let size = size / 2
            async let report = lab.transfer(operation, size, family)
            try await Task.sleep(for: .seconds(4))
            let rates = try await lab.rates(operation.direction, during: .seconds(5))
            _ = try await report
            return ["\(operation)", "\(family)", "10 Mbit/s"] + (rates + [rates.reduce(0, +)]).map(megabits)
        }
    }
}
