import Lab
import LinuxSystem
import Testing
import Wire

/// The client's port says which queues a connection's packets go to (rules.template, -Q).
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct QueueSpreadTests {
    @Test(arguments: IPTables.allCases, IPFamily.allCases)
    func aPortHasItsPairOfQueues(_ backend: IPTables, _ family: IPFamily) async throws {
        // No second link, whose subflow would have a port of its own.
        try await Lab.with(LabConfiguration(clients: [.init(links: [.init()])])) { lab in
            let count: UInt16 = 3
            let configuration = lab.configuration([
                "advanced": "data_queues = \(count)\niptables = \"\(backend.rawValue)\""
            ])
            let sluice = try await lab.startSluice(configuration: configuration)
            try await lab.serve()
            // From here on the server is known to speak TCP, and isn't asked.
            #expect(try await lab.fetch(lab.plan(.echo, 1000, family)).failures == [:])
            let server = Endpoint(address: lab.address(.server(0), family), port: 5000)
            for port in UInt16(50_000)...50_005 {
                try await lab.waitUntilIdle(sluice)
                let before = try await lab.lastPackets()
                let client = Endpoint(address: lab.address(.client(0), family), port: port)
                _ = try await HandSocket.connect(lab, from: client, to: server)
                try await lab.wait(for: "the connection to be seen") { try await lab.lastPackets() != before }
                try await lab.waitUntilIdle(sluice)
                let after = try await lab.lastPackets()
                let place = port >> 1 % count
                let used = Set(after.filter { before[$0.key] != $0.value }.keys)
                #expect(used == [place == 0 ? 7700 : 7703 + place, 7701 + place], "port \(port)")
            }
            #expect(try await sluice.status().connections.accepted == 7)
        }
    }
}

extension Lab {
    /// The number of the last packet of each queue in the box (net/netfilter/nfnetlink_queue.c, seq_show).
    fileprivate func lastPackets() async throws -> [UInt16: UInt64] {
        let lines = try await run(in: .box, ["cat", "/proc/net/netfilter/nfnetlink_queue"]).output.split(
            separator: "\n")
        return Dictionary(
            uniqueKeysWithValues: try lines.map { line in
                let numbers = line.split(separator: " ").compactMap { UInt64($0) }
                guard numbers.count == 9 else { throw Unexpected("\(line)") }
                return (UInt16(numbers[0]), numbers[7])
            })
    }
}
