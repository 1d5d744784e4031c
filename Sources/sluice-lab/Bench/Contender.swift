import ArgumentParser
import Lab

/// What stands between client and server.
enum Contender: String, CaseIterable, ExpressibleByArgument, Codable {
    /// Nothing but routing: TCP from end to end over one link, what the client has without a converter.
    case forwarding
    case sluice
    /// With `inspect = "signalling"`: the kernel moves the bulk past the queues.
    case sluiceSignalling = "sluice-signalling"
    /// HAProxy under mptcpize behind TPROXY.
    case haproxy
    case haproxySplice = "haproxy-splice"

    /// What the client speaks.
    var transport: PeerProtocol { self == .forwarding ? .tcp : .mptcp }

    /// Starts it in the lab's box; the process that carries bytes, if there is one.
    func start(in lab: Lab, _ options: BenchOptions) async throws -> ChildProcess? {
        switch self {
        case .forwarding: nil
        case .sluice: try await start(in: lab, options.settings())
        case .sluiceSignalling: try await start(in: lab, options.settings(intercept: "inspect = \"signalling\""))
        case .haproxy, .haproxySplice:
            try await lab.startHAProxy(
                ports: [LoadServer.echoPort, LoadServer.bulkPort], threads: options.cores,
                splice: self == .haproxySplice
            ).process
        }
    }

    private func start(in lab: Lab, _ settings: String) async throws -> ChildProcess {
        try await lab.startSluice(configuration: lab.sluiceDefaults + settings).process
    }
}

/// What benchmarks of the whole way have in common.
struct BenchOptions: ParsableArguments {
    @Option(name: .customLong("with"), parsing: .upToNextOption, help: "What carries the traffic.")
    var contenders = [Contender.forwarding, .sluice, .haproxy, .haproxySplice]
    @Option(help: "Rounds of each, in turns.")
    var rounds = 5
    @Option(help: "How long each measurement takes.")
    var duration = Duration.seconds(2)
    @Option(help: "The client's links, RATE[:DELAY[:LOSS]] each; two without a limit unless said.")
    var links: LinkList?
    @Option(help: "Threads that relay.")
    var cores = 2
    @Option(help: "Lines to append to Sluice's configuration.")
    var configuration = ""
    @Option(help: "Lines for its section [intercept], e.g. 'inspect = \"signalling\"'.")
    var intercept = ""
    @Flag(help: "IPv6 instead of IPv4.")
    var ipv6 = false
    @Flag(help: "Print JSON instead of tables.")
    var json = false

    func settings(intercept more: String = "") -> String {
        "\n\(intercept)\n\(more)\n[relay]\nworkers = \(cores)\n\(configuration)\n"
    }

    var family: IPFamily { ipv6 ? .v6 : .v4 }

    func validate() throws {
        #if DEBUG
            throw ValidationError("measure a release build: swift build -c release")
        #else
            guard rounds > 0, !contenders.isEmpty else { throw ValidationError("nothing to measure") }
        #endif
    }

    /// In turns, so that what changes meanwhile changes for all: each contender has a lab of its own in each round, with
    /// a server for load.
    func eachRound(_ body: (Contender, Lab, ChildProcess?) async throws -> Void) async throws {
        let client = links.map { LabConfiguration.Client(links: $0.links) } ?? LabConfiguration.Client()
        for round in 1...rounds {
            for contender in contenders {
                progress("round \(round) of \(rounds), \(contender.rawValue)")
                try await Lab.with(LabConfiguration(clients: [client])) { lab in
                    let process = try await contender.start(in: lab, self)
                    try await lab.withLoadServer { try await body(contender, lab, process) }
                }
            }
        }
        progress(nil)
    }
}
