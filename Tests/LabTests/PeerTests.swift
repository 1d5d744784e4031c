import Lab
import LinuxSystem
import Testing
import Wire

@Suite(.serialized) struct PeerTests {
    @Test func aPayloadIsTheSameInAnyPiecesAndNoticesAnyChange() {
        let payload = Payload(seed: 7)
        let count = 300_000
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
        defer { bytes.deallocate() }
        var filled = 0
        while filled < count {
            let piece = payload.bytes(at: 5 + UInt64(filled), limit: min(777, count - filled))
            UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]).copyMemory(from: piece)
            filled += piece.count
        }
        let whole = UnsafeRawBufferPointer(bytes)
        #expect(payload.firstMismatch(in: whole, at: 5) == nil)
        #expect(payload.firstMismatch(in: whole, at: 6) != nil, "shifted by a byte")
        #expect(Payload(seed: 8).firstMismatch(in: whole, at: 5) != nil, "another seed")
        for index in [0, 1, 65_530, 65_531, 199_999, count - 1] {
            bytes[index] ^= 1
            #expect(payload.firstMismatch(in: whole, at: 5) == UInt64(5 + index))
            bytes[index] ^= 1
        }
    }

    @Test(arguments: PeerRequest.Operation.allCases)
    func everyOperationWorks(_ operation: PeerRequest.Operation) async throws {
        try await Lab.with { lab in
            for (transport, port) in [(PeerProtocol.tcp, UInt16(5000)), (.mptcp, 5001)] {
                let server = try await lab.serve(port: port, transport)
                for family in IPFamily.allCases {
                    var plan = FetchPlan(to: lab.endpoint(.server(0), port: port, family), transport)
                    plan.operation = operation
                    plan.count = 5
                    plan.parallel = 5
                    plan.pause = 1
                    plan.limit = .seconds(20)
                    let report = try await lab.fetch(plan)
                    #expect(report.failures == [:])
                    #expect(report.completed == 5)
                }
                try await lab.wait(for: "the server's last conversation") { server.statistics.active == 0 }
                if operation != .serverAborts { #expect(server.statistics.failures == [:]) }
                #expect(server.statistics.accepted == 10)
            }
        }
    }

    /// The server sends the payload of another seed than the client verifies.
    @Test func aWrongByteIsReported() async throws {
        try await Lab.with { lab in
            try await lab.serve()
            try await lab.inside(.box) {
                try CorruptingRelay.start(port: 5000, to: lab.endpoint(.server(0), port: 5000))
            }
            for operation in [PeerRequest.Operation.download, .upload] {
                var plan = FetchPlan(to: Endpoint(address: lab.links[0].boxAddress(), port: 5000), .tcp)
                plan.operation = operation
                plan.length = 100_000...100_000
                let report = try await lab.fetch(plan)
                #expect(report.failures == [operation == .download ? .corrupted : .rejected: 1])
            }
        }
    }

    @Test func failuresAreCountedByKind() async throws {
        try await Lab.with { lab in
            var plan = FetchPlan(to: lab.endpoint(.server(0), port: 9), .tcp)
            plan.count = 3
            let report = try await lab.fetch(plan)
            #expect(report.failures == [.system(SystemError("connect", .connectionRefused)): 3])
        }
    }

    @Test func aClientAbortReachesTheServer() async throws {
        try await Lab.with { lab in
            let server = try await lab.serve()
            var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000), .tcp)
            plan.length = 50_000_000...50_000_000
            plan.abortAfter = 100_000
            #expect(try await lab.fetch(plan).bytes == 100_000)
            try await lab.wait(for: "the server to notice") { server.statistics.active == 0 }
            #expect(server.statistics.failures.keys.contains { $0.contains("reset") })
        }
    }

    @Test(arguments: PeerProtocol.allCases)
    func fiveHundredAtOnce(_ transport: PeerProtocol) async throws {
        try await Lab.with { lab in
            let server = try await lab.serve(transport)
            var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000), transport)
            plan.count = 1000
            plan.parallel = 500
            plan.length = 0...100_000
            let report = try await lab.fetch(plan)
            #expect(report.failures == [:])
            #expect(report.completed == 1000)
            try await lab.wait(for: "the server's last conversation") { server.statistics.active == 0 }
            #expect(server.statistics.failures == [:])
        }
    }

    /// Client ══ two subflows ══ box, plain forwarding ══ server.
    @Test(arguments: IPFamily.allCases)
    func mptcpEndToEndUsesBothLinks(_ family: IPFamily) async throws {
        let link = LabConfiguration.Link(rate: .mbit(50))
        try await Lab.with(LabConfiguration(clients: [.init(links: [link, link])])) { lab in
            try await lab.serve(.mptcp)
            var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000, family), .mptcp)
            plan.length = 10_000_000...10_000_000
            let report = try await lab.fetch(plan)
            #expect(report.failures == [:])
            let counters = try lab.counters(in: .server(0))
            #expect(counters["MPTcpExtMPCapableSYNRX"] == 1)
            #expect(counters["MPTcpExtMPJoinAckRx"] == 1)
            let client = try lab.interfaces(in: .client(0))
            for name in ["lan0", "lan1"] { #expect(try #require(client[name]).receivedBytes > 1_000_000) }
        }
    }

    @Test func nginxSeesTheClientAndServesItsFile() async throws {
        try await Lab.with { lab in
            let nginx = try await lab.startNginx()
            let file = try nginx.addFile("file", bytes: 3_000_000)
            for family in IPFamily.allCases {
                let url = "http://\(lab.endpoint(.server(0), port: 80, family))/file"
                let copy = "\(lab.directory)/copy-\(family)"
                let result = try await lab.run(in: .client(0), ["curl", "-gsSf", "-o", copy, url])
                #expect(result.status.isSuccess, "\(result.errors)")
                #expect(try await lab.run(in: .client(0), ["cmp", file, copy]).status.isSuccess)
                try await lab.wait(for: "the access log") {
                    nginx.accesses.contains { $0.client.address == lab.address(.client(0), family) }
                }
            }
            #expect(nginx.accesses.allSatisfy { $0.status == 200 && $0.bodyBytes == 3_000_000 })
            #expect(try lab.conntrackCount(in: .server(0)) == 0)
        }
    }

    @Test func aProgramThatTakesTooLongIsKilled() async throws {
        try await Lab.with { lab in
            await #expect(throws: LabError.self) {
                try await lab.run(in: .client(0), ["sleep", "1000"], within: .milliseconds(100))
            }
            let absent = try await lab.run(in: .client(0), ["no-such-program"])
            #expect(!absent.status.isSuccess && absent.errors.contains("no-such-program"))
        }
    }
}
