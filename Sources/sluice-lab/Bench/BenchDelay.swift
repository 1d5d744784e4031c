import ArgumentParser
import Lab

/// Conversion delay, as packets on the box's interfaces show it.
struct BenchDelay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delay", abstract: "From a SYN's or message's arrival at the box to its departure, converted.",
        discussion: """
            By tcpdump's times on the box's interfaces: connections one after the other with messages that come back, \
            first with nothing else going on, then while as many transfers go down and up as --load says.
            """)

    @OptionGroup var options: BenchOptions
    @Option(help: "Connections of a round.")
    var connections = 500
    @Option(help: "Messages on each connection.")
    var messages = 10
    @Option(help: "Bytes of a message, at least 8.")
    var size = 64
    @Option(help: "Downloads, and as many uploads, that load the box for --duration; 0: idle only.")
    var load = 8

    func validate() throws {
        guard connections > 0, messages > 0, size >= 8, load >= 0 else {
            throw ValidationError("--connections and --messages begin at 1, --size at 8")
        }
    }

    func run() async throws {
        try await measure().write(asJSON: options.json)
    }

    func measure() async throws -> DelayReport {
        var report = DelayReport()
        try await options.eachRound { contender, lab, _ in
            var plan = ConversionDelayPlan(
                to: lab.endpoint(.server(0), port: LoadServer.echoPort, options.family), contender.transport)
            plan.connections = connections
            plan.messages = messages
            plan.size = size
            report.add("idle", contender, try await lab.measureConversionDelay(plan))
            guard load > 0 else { return }
            var bulk = BulkPlan(
                to: lab.endpoint(.server(0), port: LoadServer.bulkPort, options.family), contender.transport)
            (bulk.downloads, bulk.uploads, bulk.duration) = (load, load, options.duration)
            plan.load = bulk
            report.add("loaded", contender, try await lab.measureConversionDelay(plan))
        }
        return report
    }
}

extension DelayReport {
    fileprivate mutating func add(_ state: String, _ contender: Contender, _ report: ConversionDelayReport) {
        let delays = report.delays
        add("SYN, \(state)", contender, delays.syn)
        add("data to server, \(state)", contender, delays.toServer)
        add("data to client, \(state)", contender, delays.toClient)
        note { others in
            let unpaired = delays.unpairedSYNs + delays.unpairedMessages
            if unpaired > 0 { others.add("\(state), \(contender): came and was not seen to go", times: unpaired) }
            guard let load = report.load else { return }
            others.add("load", contender.rawValue, load.bitsPerSecond / 1e9, "Gbit/s")
            others.add("load", contender.rawValue, failures: load.failures)
        }
    }
}
