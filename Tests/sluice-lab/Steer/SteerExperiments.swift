import ArgumentParser
import Lab
import LinuxSystem

/// What steering does to real transfers, measured: how much each link carries, and how soon a decision shows.
struct SteerExperiments: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "steer",
        abstract: "Experiments on steering: links of 90 and 30 Mbit/s, each mode under cubic and bbr, as tables.",
        discussion:
            "Without `random` they take some eight minutes. docs/steering.md has figures, and says what they show.")

    enum Experiment: String, CaseIterable, ExpressibleByArgument {
        case overflow, standby, delay, balance, congested, random, many
    }

    @Argument(help: "Which ones; all unless said.")
    var experiments: [Experiment] = Experiment.allCases
    @Option(help: "The congestion control of all hosts; may be repeated.")
    var congestion: [String] = ["cubic", "bbr"]
    @Flag(help: "Print the decisions as well.")
    var verbose = false
    @Option(help: "Connections that are open during the last one. Each takes two descriptors of this program.")
    var connections = 9000
    @Option(help: "How long the random demand goes on, in seconds.")
    var duration = 600

    func run() async throws {
        print(Machine.description)
        if experiments.contains(.many) {
            let most = (ProcessRights.raiseDescriptorLimit() - 1000) / 2
            guard connections <= most else {
                throw LabCommandError(description: "--connections \(connections): \(most) at most; raise ulimit -Hn")
            }
        }
        for experiment in experiments {
            print("\n\(experiment.rawValue)")
            flushOutput()
            var table: [[String]] = []
            // Rates don't matter to it.
            for control in experiment == .many ? ["cubic"] : congestion {
                switch experiment {
                case .overflow: table += try await Overflow(control: control, verbose: verbose).run()
                case .standby: table += try await Standby(control: control).run()
                case .delay: table += try await SmallestDelay(control: control).run()
                case .balance: table += try await Balance(control: control).run()
                case .congested: table += try await CongestedLink(control: control).run()
                case .many: table += try await ManyConnections(connections: connections).run()
                case .random: table += try await RandomDemand(control: control, seconds: duration).run()
                }
                let heading = Self.heading(experiment)
                print(textTable([heading] + table.suffix(table.count)))
                table = []
                flushOutput()
            }
        }
    }

    private static func heading(_ experiment: Experiment) -> [String] {
        switch experiment {
        case .overflow:
            [
                "", "direction", "wanted Mbit/s", "wired", "mobile", "mobile's share",
                "sum at 90 %, once wired is full, after", "empty after",
            ]
        case .standby: ["", "what fails", "the client gets nothing for", "wired before", "mobile after", "back after"]
        case .delay: ["", "wired's delay", "wired", "mobile", "left or taken after"]
        case .balance: ["", "direction", "wanted Mbit/s", "wired", "mobile", "wired's share"]
        case .congested: ["", "", "others", "others alone", "MPTCP", "mobile", "on after"]
        case .many:
            [
                "", "connections", "subflows", "decisions", "longest turn", "request to answer: p50", "p99", "longest",
            ]
        case .random: ["", "seconds", "decisions", "in a hold time, at most", "wired", "mobile"]
        }
    }
}

extension LabConfiguration {
    /// A wired link of 90 Mbit/s and a mobile one of 30, and a server's link by whose rate the demand is set.
    static func steered(_ control: String, wanted: BitRate) -> LabConfiguration {
        var configuration = LabConfiguration(
            clients: [
                .init(links: [
                    Link(name: "wired", rate: .mbit(90), delay: .milliseconds(5)),
                    Link(name: "mobile", rate: .mbit(30), delay: .milliseconds(15)),
                ])
            ], servers: [Link(rate: wanted)])
        configuration.defaultCongestionControl = control
        configuration.congestionControl = control
        return configuration
    }

    /// Both paths, with their capacities.
    static let paths = """

        [[path]]
        name = "wired"
        interface = "wired"
        capacity = "90mbit"
        [[path]]
        name = "mobile"
        interface = "mobile"
        capacity = "30mbit"

        """
}

extension Lab {
    /// Downloads or uploads over MPTCP while `body` runs, and for no longer than `limit`.
    func loading(
        _ operation: PeerRequest.Operation = .download, for duration: Duration, meter: ByteMeter = ByteMeter(),
        pace: UploadPace? = nil, _ body: () async throws -> Void
    ) async throws {
        try await withLoadServer {
            var plan = BulkPlan(to: endpoint(.server(0), port: LoadServer.bulkPort), .mptcp)
            plan.duration = duration
            plan.downloads = operation == .download ? 1 : 0
            plan.uploads = operation == .download ? 0 : 1
            plan.meter = meter
            plan.pace = pace
            let ready = plan
            async let report = inside(.client(0)) { try ready.run() }
            try await body()
            let failures = try await report.failures
            guard failures.isEmpty else { throw LabError.transfer(failures) }
        }
    }

    /// Seconds until `isSo` of the rates of the links, each over a tenth of a second; nil: not within `limit`.
    func time(
        _ direction: Direction = .towardsNode, within limit: Duration, until isSo: ([Double]) -> Bool
    ) async throws -> Duration? {
        let start = ContinuousClock.now
        while ContinuousClock.now - start < limit {
            if isSo(try await rates(direction, during: .milliseconds(100))) { return ContinuousClock.now - start }
        }
        return nil
    }
}

/// In seconds, with one digit.
func seconds(_ time: Duration?) -> String { time.map { "\(decimal($0.inSeconds, places: 1)) s" } ?? "-" }

func percent(_ share: Double) -> String { "\(decimal(share * 100, places: 1)) %" }
