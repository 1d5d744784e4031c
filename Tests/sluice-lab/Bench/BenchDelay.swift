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
        try await measure().write(as: options.format)
    }

    func measure() async throws -> DelayReport {
        var report = DelayReport()
        try await options.eachRound(congestionControls: ["cubic"]) { stand in
            let (contender, lab) = (stand.contender, stand.lab)
            report.note { $0.add(socketMemoryBefore: stand) }
            var plan = ConversionDelayPlan(
                to: lab.endpoint(.server(0), port: LoadServer.echoPort, options.family), contender.transport)
            plan.from = stand.addresses
            plan.connections = connections
            plan.messages = messages
            plan.size = size
            report.add("idle", stand, try await lab.measureConversionDelay(plan))
            guard load > 0 else { return }
            var bulk = BulkPlan(
                to: lab.endpoint(.server(0), port: LoadServer.bulkPort, options.family), contender.transport)
            bulk.from = stand.addresses
            (bulk.downloads, bulk.uploads, bulk.duration) = (load, load, options.duration)
            plan.load = bulk
            report.add("loaded", stand, try await lab.measureConversionDelay(plan))
        }
        return report
    }
}

extension DelayReport {
    fileprivate mutating func add(_ state: String, _ stand: BenchStand, _ report: ConversionDelayReport) {
        let delays = report.delays
        let (contender, name) = (stand.contender, stand.circumstances.name)
        add(name("SYN, \(state)"), contender, delays.syn)
        add(name("data to server, \(state)"), contender, delays.toServer)
        add(name("data to client, \(state)"), contender, delays.toClient)
        note { others in
            let unpaired = delays.unpairedSYNs + delays.unpairedMessages
            if unpaired > 0 { others.add("\(name(state)), \(contender): came and was not seen to go", times: unpaired) }
            guard let load = report.load else { return }
            others.add(name("load"), contender, load.bitsPerSecond / 1e9, .gigabits)
            others.add(name("load"), contender, failures: load.failures)
        }
    }
}
