import ArgumentParser
import Lab

/// Requests and answers over connections that stay.
struct BenchLatency: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency", abstract: "From a request to its answer, over connections that stay.",
        discussion: "The server sends back what it gets; each connection has one request under way.")

    @OptionGroup var options: BenchOptions
    @Option(parsing: .upToNextOption, help: "Connections at a time.")
    var connections = [1, 8, 64, 256]
    @Option(parsing: .upToNextOption, help: "Bytes of a request, and of its answer.")
    var size = [64]
    @Option(help: "Microseconds from an answer to the next request.")
    var pause = 0

    func validate() throws {
        guard (connections + size).allSatisfy({ $0 > 0 }), size.allSatisfy({ $0 <= 65536 }), pause >= 0 else {
            throw ValidationError("--connections begin at 1, --size goes from 1 to 65536")
        }
    }

    func run() async throws {
        try await measure().write(as: options.format)
    }

    func measure() async throws -> DelayReport {
        var report = DelayReport()
        try await options.eachRound { stand in
            let (contender, lab) = (stand.contender, stand.lab)
            report.note { $0.add(socketMemoryBefore: stand) }
            for count in connections {
                for bytes in size {
                    var plan = EchoPlan(
                        to: lab.endpoint(.server(0), port: LoadServer.echoPort, options.family), contender.transport)
                    plan.from = stand.addresses
                    plan.connections = count
                    plan.size = bytes
                    plan.pause = .microseconds(pause)
                    plan.duration = options.duration
                    let outcome = try await lab.inside(.client(0)) { [plan] in try plan.run() }
                    let name = stand.circumstances.name("\(bytes) bytes, \(count) at a time")
                    report.add(name, contender, outcome.times)
                    report.note { $0.add(name, contender, failures: outcome.failures) }
                }
            }
        }
        return report
    }
}
