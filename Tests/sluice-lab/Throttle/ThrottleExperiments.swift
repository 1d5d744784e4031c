import ArgumentParser
import Foundation
import Lab
import LinuxSystem
import Wire

/// What throttling does to real transfers, measured: rates on each link, how soon it begins, what it leaves alone.
struct ThrottleExperiments: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "throttle",
        abstract: "Experiments on throttling: links of 90 and 30 Mbit/s, subflows held to 10 Mbit/s, as tables.",
        discussion: "All of them take about six minutes. docs/throttling.md has figures, and says what they show.")

    enum Experiment: String, CaseIterable, ExpressibleByArgument {
        case course, start, congestion, sharing, links, bystanders, backup, quota, reaction
    }

    @Argument(help: "Which ones; all unless said.")
    var experiments: [Experiment] = Experiment.allCases
    @Option(help: "The size of the transfers.")
    var size = ByteCount(200_000_000)
    @Option(help: "How many connections the reaction is measured on.")
    var connections = 200

    func run() async throws {
        print(Machine.description)
        for experiment in experiments {
            print("\n\(experiment.rawValue)")
            flushOutput()
            switch experiment {
            case .course: try await printTable(Course.heading, IPFamily.allCases) { try await courses($0) }
            case .start: try await printTable(Start.heading, IPFamily.allCases) { try await starts($0) }
            case .congestion: try await printTable(Start.heading, [.v4]) { try await congestionControls($0) }
            case .sharing: try await Sharing(size: size.bytes).run()
            case .links: try await ThreeLinks(size: size.bytes).run()
            case .bystanders: try await Bystanders(size: size.bytes).run()
            case .backup: try await Backup(size: size.bytes).run()
            case .quota: try await Quota().run()
            case .reaction: try await Reaction(connections: connections).run()
            }
        }
    }

    private func courses(_ family: IPFamily) async throws -> [[String]] {
        var rows: [[String]] = []
        for operation in [PeerRequest.Operation.download, .upload] {
            rows += try await Course(size: size.bytes, operation: operation, family: family).rows()
        }
        return rows
    }

    private func starts(_ family: IPFamily) async throws -> [[String]] {
        var rows: [[String]] = []
        for operation in [PeerRequest.Operation.download, .upload] {
            rows.append(try await Start(size: size.bytes, operation: operation, family: family).row())
        }
        return rows
    }

    private func congestionControls(_ family: IPFamily) async throws -> [[String]] {
        var rows: [[String]] = []
        for (named, systems) in [("cubic", nil), ("reno", nil), ("bbr", nil), (nil, "reno")] as [(String?, String?)] {
            rows.append(
                try await Start(
                    congestionControl: named, systemsChoice: systems, size: size.bytes, operation: .download,
                    family: family
                ).row())
        }
        return rows
    }

    private func printTable(
        _ heading: [String], _ families: [IPFamily], _ rows: (IPFamily) async throws -> [[String]]
    ) async throws {
        var table = [heading]
        for family in families { table += try await rows(family) }
        print(textTable(table))
    }
}

func megabits(_ rate: Double) -> String { decimal(rate / 1e6, places: 1) }

extension LabConfiguration {
    /// The fast link, then slow ones. Each has a hop, so that the box's own qdiscs are as its owner left them, and a
    /// delay: without one, congestion control takes bursts for bandwidth, and the scheduler believes it.
    static func throttled(slow: Int = 1) -> LabConfiguration {
        let fast = Link(name: "fast", rate: .mbit(90), delay: .milliseconds(5))
        let others = (1...slow).map { Link(name: "slow\($0)", rate: .mbit(30), delay: .milliseconds(15)) }
        return LabConfiguration(clients: [.init(links: [fast] + others)])
    }
}

extension Lab {
    func transfer(
        _ operation: PeerRequest.Operation, _ size: UInt64, _ family: IPFamily = .v4,
        _ transport: PeerProtocol = .mptcp,
        from address: String? = nil
    ) async throws -> FetchReport {
        var plan = FetchPlan(to: endpoint(.server(0), port: 5000, family), transport)
        plan.operation = operation
        plan.length = size...size
        plan.from = address.flatMap { IPAddress($0) }
        let report = try await fetch(plan)
        guard report.isSuccess else { throw LabCommandError(description: "a transfer failed: \(report.failures)") }
        return report
    }

    /// `sluice throttles …`, which has to succeed.
    @discardableResult
    func throttles(_ sluice: SluiceDaemon, _ arguments: String...) async throws -> String {
        let result = try await sluice.command(["throttles"] + arguments)
        guard result.status.isSuccess else { throw LabCommandError(description: result.errors) }
        return result.output
    }

    /// What experiments read of `sluice throttles --json`.
    struct ThrottleView: Decodable {
        struct Class: Decodable {
            let recentRate: UInt64
        }

        let subflows: Int
        let classes: [Class]
    }

    func throttleReports(_ sluice: SluiceDaemon) async throws -> [ThrottleView] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let text = try await throttles(sluice, "list", "--json")
        return try decoder.decode([ThrottleView].self, from: Data(text.utf8))
    }
}

extension PeerRequest.Operation {
    var direction: Lab.Direction { self == .upload ? .towardsBox : .towardsNode }
}
