import Lab
import LinuxSystem
import Testing
import Wire

@Suite(.serialized) struct NetworkTests {
    /// Two clients, two links each, one of them behind a hop; two servers, one of them behind a hop.
    @Test(arguments: IPFamily.allCases)
    func everyoneReachesEveryone(_ family: IPFamily) async throws {
        let configuration = LabConfiguration(
            clients: [
                .init(links: [.init(name: "wired"), .init(name: "wireless", delay: .milliseconds(1))]), .init(),
            ],
            servers: [.init(), .init(mtu: 1400)])
        try await Lab.with(configuration) { lab in
            for client in 0..<2 {
                for link in lab.links(of: .client(client)) {
                    for server in 0..<2 {
                        _ = try await lab.ping(
                            from: .client(client), to: lab.address(.server(server), family),
                            source: link.address(family))
                    }
                    _ = try await lab.ping(from: .client(client), to: link.boxAddress(family))
                    _ = try await lab.ping(from: .server(0), to: link.address(family))
                }
            }
            let box = try lab.interfaces(in: .box)
            #expect(Set(box.keys).isSuperset(of: ["wired", "wireless", "lan2", "lan3", "wan0", "wan1"]))
        }
    }

    /// One that the machine allows to everyone, and one that it may not.
    @Test(arguments: ["reno", "cubic"])
    func everyNodeHasTheCongestionControlThatIsAskedFor(_ name: String) async throws {
        try #require(CongestionControls.available().contains(name))
        var configuration = LabConfiguration()
        configuration.defaultCongestionControl = name
        try await Lab.with(configuration) { lab in
            for node in [Lab.Node.client(0), .box, .server(0)] {
                let choice = try lab.namespace(node).run { try Sysctl.read("net.ipv4.tcp_congestion_control") }
                #expect(choice == name)
            }
        }
    }

    @Test func aBoxThatDoesNotForwardStopsEverything() async throws {
        try await Lab.with(LabConfiguration(forwarding: false)) { lab in
            for family in IPFamily.allCases {
                await #expect(throws: (any Error).self) {
                    _ = try await lab.ping(
                        from: .client(0), to: lab.address(.server(0), family), within: .milliseconds(200))
                }
            }
        }
    }

    @Test(arguments: IPFamily.allCases)
    func aLinkThatIsCutCarriesNothingUntilItIsRestored(_ family: IPFamily) async throws {
        let clients = [LabConfiguration.Client(links: [.init(mtu: 1500), .init()])]
        try await Lab.with(LabConfiguration(clients: clients)) { lab in
            let ping = { (link: Int, limit: Duration) in
                _ = try await lab.ping(
                    from: .client(0), to: lab.address(.server(0), family),
                    source: lab.address(.client(0), link: link, family), within: limit)
            }
            try lab.cut(lab.links(of: .client(0))[0])
            await #expect(throws: (any Error).self) { try await ping(0, .milliseconds(200)) }
            try await ping(1, .seconds(2))
            try lab.restore(lab.links(of: .client(0))[0])
            try await ping(0, .seconds(2))
        }
    }

    /// A sample at the beginning, one at the end, and what was received between them.
    @Test func samplesOfATransfer() async throws {
        try await Lab.with { lab in
            let meter = ByteMeter()
            let report = try await lab.withLoadServer {
                try await lab.sampling(every: .milliseconds(20), meters: [meter]) {
                    var plan = BulkPlan(to: lab.endpoint(.server(0), port: LoadServer.bulkPort), .tcp)
                    plan.duration = .milliseconds(200)
                    plan.meter = meter
                    let ready = plan
                    return try await lab.inside(.client(0)) { try ready.run() }
                }
            }
            let (first, last) = (try #require(report.samples.first), try #require(report.samples.last))
            #expect(report.value.bytes > 0)
            #expect(last.metered == [report.value.bytes], "the last sample is of the end")
            #expect(last.bytes[0] - first.bytes[0] >= report.value.bytes)
            #expect(zip(report.samples, report.samples.dropFirst()).allSatisfy { $0.time < $1.time })
            let segments = (last.client["TcpInSegs"] ?? 0) - (first.client["TcpInSegs"] ?? 0)
            #expect(segments > 0)
        }
    }

    @Test(arguments: IPFamily.allCases)
    func aDelayIsPassedBothWays(_ family: IPFamily) async throws {
        let link = LabConfiguration.Link(delay: .milliseconds(20), jitter: .milliseconds(2))
        try await Lab.with(LabConfiguration(clients: [.init(links: [link, .init()])])) { lab in
            for _ in 0..<5 {
                let slow = try await lab.ping(from: .client(0), to: lab.address(.server(0), family))
                #expect(slow >= .milliseconds(36))
            }
            // The other link hasn't it: at least one of several is quick, however busy the machine.
            var quickest = Duration.seconds(1)
            for _ in 0..<20 {
                let time = try await lab.ping(
                    from: .client(0), to: lab.address(.server(0), family),
                    source: lab.address(.client(0), link: 1, family))
                quickest = min(quickest, time)
            }
            #expect(quickest < .milliseconds(36))
        }
    }

    @Test func aDelayedLinkStillFillsItsRate() async throws {
        let link = LabConfiguration.Link(rate: .mbit(100), delay: .milliseconds(50))
        try await Lab.with(LabConfiguration(clients: [.init(links: [link])])) { lab in
            try await lab.serve()
            for operation in [PeerRequest.Operation.download, .upload] {
                let rate = try await throughput(lab, operation, bytes: 25_000_000)
                #expect(rate < 1.1 * 100e6)
                #expect(rate > 0.35 * 100e6, "TCP's start takes several round trips of 100 ms")
            }
        }
    }

    @Test(arguments: [false, true])
    func aRateHoldsBothWays(behindHop: Bool) async throws {
        let link = LabConfiguration.Link(rate: .mbit(40), mtu: behindHop ? 1500 : nil)
        try await Lab.with(LabConfiguration(clients: [.init(links: [link])])) { lab in
            try await lab.serve()
            for operation in [PeerRequest.Operation.download, .upload] {
                let rate = try await throughput(lab, operation, bytes: 6_000_000)
                #expect(rate < 1.1 * 40e6)
                #expect(rate > 0.4 * 40e6)
            }
        }
    }

    private func throughput(_ lab: Lab, _ operation: PeerRequest.Operation, bytes: UInt64) async throws -> Double {
        var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000), .tcp)
        plan.operation = operation
        plan.length = bytes...bytes
        let report = try await lab.fetch(plan)
        #expect(report.failures == [:])
        print("\(operation) \(Int(report.bitsPerSecond / 1e6)) Mbit/s")
        return report.bitsPerSecond
    }

    @Test(arguments: IPFamily.allCases)
    func lossLosesAboutSoMany(_ family: IPFamily) async throws {
        try await Lab.with(LabConfiguration(clients: [.init(links: [.init(loss: 0.3)])])) { lab in
            var lost = 0
            for _ in 0..<60 {
                let time = try? await lab.ping(
                    from: .client(0), to: lab.address(.server(0), family), within: .milliseconds(50))
                if time == nil { lost += 1 }
            }
            // Each way 30 %: 51 % of 60 are lost; fewer than 12 or more than 50 happen once in a million runs.
            #expect((12...50).contains(lost))
        }
    }

    /// The client, the box and the server believe in 1500 bytes; the hop lets 1400 through. Whoever sends much hears
    /// of it from the hop; a new lab each, because what was learned is remembered.
    @Test(arguments: IPFamily.allCases, [PeerRequest.Operation.download, .upload])
    func aSmallerPathMTUIsDiscovered(_ family: IPFamily, _ operation: PeerRequest.Operation) async throws {
        let narrow = LabConfiguration.Link(mtu: 1400)
        for (client, server) in [(narrow, .init()), (LabConfiguration.Link(), narrow)] {
            try await Lab.with(LabConfiguration(clients: [.init(links: [client])], servers: [server])) { lab in
                try await lab.serve()
                var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000, family), .tcp)
                plan.operation = operation
                plan.length = 1_000_000...1_000_000
                plan.limit = .seconds(20)
                #expect(try await lab.fetch(plan).failures == [:])
                let sender = try lab.counters(in: operation == .download ? .server(0) : .client(0))
                let tooBig = sender[family == .v4 ? "IcmpMsgInType3" : "Icmp6InPktTooBigs"]
                #expect(tooBig ?? 0 > 0)
            }
        }
    }
}
