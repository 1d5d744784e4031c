import Lab
import LinuxSystem
import Testing
import Wire

/// What carries nothing but an acknowledgement comes to user space only while somebody needs it.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(2))) struct AcknowledgementTests {
    @Test(arguments: IPTables.allCases, IPFamily.allCases)
    func theyAreReadWhileSomebodyTraces(_ backend: IPTables, _ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            try await lab.serve()
            let queue = try #require(try await lab.acknowledgementQueue(backend, family))
            #expect(try await !lab.hasReader(queue))
            #expect(try await lab.fetch(lab.plan(.download, 5_000_000, family)).failures == [:])
            try await lab.waitUntilIdle(sluice)
            // One for every segment of 64 KB at the least.
            let passed = try await lab.acknowledgements(backend, family)
            #expect(passed > 20)
            let seen = try await sluice.status().packets.data

            let trace = try await lab.trace(sluice, "--json")
            #expect(try await lab.hasReader(queue))
            #expect(try await lab.fetch(lab.plan(.download, 5_000_000, family)).failures == [:])
            try await lab.waitUntilIdle(sluice)
            let traced = try await lab.acknowledgements(backend, family) - passed
            #expect(traced > 20)
            let totals = try await trace.end()
            #expect(totals.dropped == 0 && totals.matched == totals.written)
            #expect(try await sluice.status().packets.data - seen >= UInt64(traced))
            try await lab.wait(for: "nobody to read") { try await !lab.hasReader(queue) }
            #expect(try await sluice.status().tracking.disagreements == 0)
        }
    }
}

extension Lab {
    /// The rule's counter, both ways, and the queue that it leads to.
    private func acknowledgementRules(_ backend: IPTables, _ family: IPFamily) async throws -> [[Substring]] {
        let tool = "\(family == .v4 ? "iptables" : "ip6tables")-\(backend)"
        return try await shell("\(tool) -t mangle -vxnL SLUICE_INPUT; \(tool) -t mangle -vxnL SLUICE_OUTPUT")
            .split(separator: "\n").filter { $0.contains("match bpf") }.map { $0.split(separator: " ") }
    }

    fileprivate func acknowledgements(_ backend: IPTables, _ family: IPFamily) async throws -> Int {
        try await acknowledgementRules(backend, family).compactMap { $0.first.flatMap { Int($0) } }.reduce(0, +)
    }

    fileprivate func acknowledgementQueue(_ backend: IPTables, _ family: IPFamily) async throws -> Substring? {
        let words = try await acknowledgementRules(backend, family).first ?? []
        return words.firstIndex(of: "num").map { words[$0 + 1] }
    }

    fileprivate func hasReader(_ queue: Substring) async throws -> Bool {
        try await shell("cat /proc/net/netfilter/nfnetlink_queue").split(separator: "\n").contains {
            $0.split(separator: " ").first == queue
        }
    }
}
