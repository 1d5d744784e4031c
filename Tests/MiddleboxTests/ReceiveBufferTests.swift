import Lab
import Testing

/// The rule for receive buffers: the kernel's tuning, which gives a connection as much as its other side has taken, and
/// limits where that would be too much (docs/performance/notebook.md, "Receive buffers").
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct ReceiveBufferTests {
    /// A server that takes little: the box takes little more from the client, however fast that is.
    @Test(arguments: IPFamily.allCases) func aSlowServerHoldsTheClientBack(_ family: IPFamily) async throws {
        try await Lab.with(LabConfiguration(servers: [.init(rate: .mbit(5))])) { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            var plan = lab.plan(.upload, 200_000_000, family)
            plan.abortAfter = 8_000_000
            let slow = plan
            async let report = lab.fetch(slow)
            var most: UInt64 = 0
            try await lab.wait(for: "2 MB at the server", within: .seconds(60)) {
                let passed = try await sluice.status().connections.bytesToServer
                let taken = try lab.carried().reduce(0, +)
                most = max(most, taken - min(taken, passed))
                return passed > 2_000_000
            }
            #expect(most < 16_000_000, "not the client's 200 MB")
            #expect(try await report.failures == [:])
            try await lab.waitUntilIdle(sluice)
        }
    }

    /// A near server's socket doesn't get what the kernel would give it; one that is far away does.
    @Test(arguments: IPFamily.allCases, [false, true])
    func aNearServersBufferIsLimited(_ family: IPFamily, _ isFar: Bool) async throws {
        let kernels = 33_554_432
        let server = LabConfiguration.Link(delay: isFar ? .milliseconds(60) : .zero)
        try await Lab.with(LabConfiguration(servers: [server])) { lab in
            try lab.setSysctl(in: .box, "net/ipv4/tcp_rmem", "4096 \(kernels) \(2 * kernels)")
            _ = try await lab.startSluice()
            try await lab.serve()
            var plan = lab.quietPlan(family)
            plan.pause = 3
            let held = plan
            async let report = lab.fetch(held)
            let address = "\(lab.address(.server(0), family))"
            let filter = ["ss", "-Htmn", "dst", family == .v4 ? address : "[\(address)]", "and", "dport", "=", "5000"]
            var buffer: Int?
            try await lab.wait(for: "the upstream") {
                let text = try await lab.run(in: .box, filter).output
                buffer = text.firstMatch(of: /ESTAB(?s:.*?)rb(\d+)/).flatMap { Int($0.1) }
                return buffer != nil
            }
            // The limit comes with the client.
            if !isFar {
                try await lab.wait(for: "a limit") {
                    let text = try await lab.run(in: .box, filter).output
                    buffer = text.firstMatch(of: /ESTAB(?s:.*?)rb(\d+)/).flatMap { Int($0.1) }
                    return buffer.map { $0 < kernels } ?? false
                }
            }
            #expect(try await report.failures == [:])
            #expect(isFar ? buffer == kernels : buffer ?? 0 >= 512 << 10)
        }
    }

    /// Links of unequal delay: what has come over the one waits for what is under way on the other. With a buffer too
    /// small for that, the slow one is hardly used.
    @Test(arguments: IPFamily.allCases) func linksOfUnequalDelayAreBothFilled(_ family: IPFamily) async throws {
        let links = [
            LabConfiguration.Link(rate: .mbit(50), delay: .milliseconds(1)),
            .init(rate: .mbit(50), delay: .milliseconds(60)),
        ]
        try await Lab.with(LabConfiguration(clients: [.init(links: links)])) { lab in
            func shareOfSlow(_ relay: String) async throws -> Double {
                let sluice = try await lab.startSluice(configuration: lab.configuration(["relay": relay]))
                let server = try await lab.serve()
                let before = try lab.carried()
                #expect(try await lab.fetch(lab.plan(.upload, 40_000_000, family)).failures == [:])
                let bytes = zip(try lab.carried(), before).map { Double($0 - $1) }
                try await lab.waitUntilIdle(sluice)
                try await sluice.stop()
                server.stop()
                return bytes[1] / bytes.reduce(0, +)
            }
            let tuned = try await shareOfSlow("")
            let small = try await shareOfSlow("receive_buffer = \"128KiB\"")
            #expect(tuned > 0.3)
            #expect(small < tuned - 0.1, "\(small), \(tuned)")
        }
    }
}
