import ArgumentParser
import Lab
import LinuxSystem

/// What benchmarks of the whole way have in common.
struct BenchOptions: ParsableArguments {
    @Option(name: .customLong("with"), parsing: .upToNextOption, help: "What carries the traffic.")
    var contenders = [Contender.forwarding, .sluice, .haproxy, .haproxySplice]
    @Option(
        name: .customLong("congestion"), parsing: .upToNextOption,
        help: """
            TCP's congestion control of client, box and server, one after the other; cubic and bbr unless said, of delay \
            and memory cubic alone.
            """)
    var congestionControls: [String] = []
    @Option(
        name: .customLong("router"), parsing: .upToNextOption,
        help: """
            The box's own rules: bare, none; stateful, a filter that lets out what is new from the LAN and in what belongs \
            to it, by connection tracking. stateful unless said, of rate both.
            """)
    var routers: [Router] = []
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
    @Flag(exclusivity: .exclusive)
    var format = ReportFormat.text

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

    /// Throws unless the kernel has these congestion controls.
    static func check(_ names: [String], available: [String]) throws {
        guard let missing = names.first(where: { !available.contains($0) }) else { return }
        throw ValidationError(
            """
            this kernel has no congestion control "\(missing)", only \(available.joined(separator: ", ")) \
            (net.ipv4.tcp_available_congestion_control): modprobe tcp_\(missing), or choose by --congestion
            """)
    }

    /// All pairs of what was asked for; where nothing was, of these.
    func circumstances(_ congestionControls: [String], _ routers: [Router]) -> [Circumstances] {
        let routers = self.routers.isEmpty ? routers : self.routers
        return (self.congestionControls.isEmpty ? congestionControls : self.congestionControls).flatMap { name in
            routers.map { Circumstances(congestionControl: name, router: $0) }
        }
    }

    /// In turns, so that what changes meanwhile changes for all: each contender has a lab of its own in each round and under
    /// all circumstances, with a server for load. Unless they are asked for, circumstances are those of the benchmark.
    func eachRound(
        congestionControls: [String] = ["cubic", "bbr"], routers: [Router] = [.stateful],
        _ body: (BenchStand) async throws -> Void
    ) async throws {
        let all = circumstances(congestionControls, routers)
        try Self.check(all.map(\.congestionControl), available: CongestionControls.available())
        for round in 1...rounds {
            for circumstances in all {
                for contender in contenders {
                    progress(circumstances.name("round \(round) of \(rounds), \(contender.rawValue)"))
                    try await withStand(contender, circumstances, body)
                }
            }
        }
        progress(nil)
    }

    private func withStand(
        _ contender: Contender, _ circumstances: Circumstances, _ body: (BenchStand) async throws -> Void
    ) async throws {
        let client = links.map { LabConfiguration.Client(links: $0.links) } ?? LabConfiguration.Client()
        var configuration = LabConfiguration(clients: [client])
        configuration.defaultCongestionControl = circumstances.congestionControl
        try await Lab.with(configuration) { lab in
            try await circumstances.router.set(up: lab)
            let stand = BenchStand(
                contender: contender, circumstances: circumstances, lab: lab,
                relay: try await contender.start(in: lab, circumstances.router, self),
                addresses: try lab.addAddresses(BenchStand.addressCount, to: .client(0), family))
            try await lab.withLoadServer { try await body(stand) }
        }
    }
}
