import Lab
import LinuxSystem
import Testing
import Wire

/// A hop that lets 1400 bytes through, while the client, the box and the server believe in 1500. The hop's ICMP errors
/// are addressed to the server or to the client, but on one side they concern a socket of the box.
///
///     client ── hop ══ box ── server      downloads: the box answers from the server's address
///     client ── box ══ hop ── server      uploads: the box speaks from the client's address
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct PathMTUTests {
    private static let wide = LabConfiguration.Link(rate: .mbit(50))
    private static let narrow = LabConfiguration.Link(rate: .mbit(50), mtu: 1400)

    @Test(arguments: IPFamily.allCases)
    func theBoxLearnsTheWayToTheClient(_ family: IPFamily) async throws {
        let client = LabConfiguration.Client(links: [Self.narrow, Self.narrow])
        try await Lab.with(LabConfiguration(clients: [client])) { lab in
            try await expectTransfers(lab, family, [.silence, .upload])
            for link in lab.links(of: .client(0)) {
                #expect(try await lab.learntMTU(towards: link.address(family)) == 1400, "\(link.name)")
            }
            // The server would not have made use of it.
            #expect(try await lab.learntMTU(in: .server(0), towards: lab.address(.client(0), family)) == nil)
        }
    }

    @Test(arguments: IPFamily.allCases)
    func theBoxLearnsTheWayToTheServer(_ family: IPFamily) async throws {
        let client = LabConfiguration.Client(links: [Self.wide, Self.wide])
        try await Lab.with(LabConfiguration(clients: [client], servers: [.init(mtu: 1400)])) { lab in
            try await expectTransfers(lab, family, [.upload, .silence])
            #expect(try await lab.learntMTU(towards: lab.address(.server(0), family)) == 1400)
            #expect(try await lab.learntMTU(in: .client(0), towards: lab.address(.server(0), family)) == nil)
        }
    }

    /// 1 MB each way. That in which the box has to learn comes first: an end that has learnt the path MTU announces a
    /// smaller MSS from then on.
    private func expectTransfers(
        _ lab: Lab, _ family: IPFamily, _ operations: [PeerRequest.Operation]
    ) async throws {
        let sluice = try await lab.startSluice()
        try await lab.serve()
        for operation in operations {
            var plan = lab.plan(operation, 1_000_000, family)
            // A download's second subflow stands before its first byte is sent.
            plan.pause = 1
            // A path whose MTU is not discovered stalls for good.
            plan.limit = .seconds(15)
            let before = try lab.carried()
            #expect(try await lab.fetch(plan).failures == [:], "\(operation)")
            for (link, bytes) in zip(0..., zip(try lab.carried(), before).map(-)) where operation == .silence {
                #expect(bytes > 100_000, "link \(link)")
            }
        }
        #expect(try await sluice.count("intercept: server answered") == 2)
        #expect(try await sluice.count("intercept: join") >= 1)
    }
}

extension Lab {
    /// The path MTU that a node has learnt of the way to an address, in bytes; nil if it has learnt none.
    func learntMTU(in node: Node = .box, towards address: IPAddress) async throws -> Int? {
        let words = try await shell(in: node, "ip route get \(address)").split { " \n".contains($0) }
        return words.firstIndex(of: "mtu").flatMap { Int(words[$0 + 1]) }
    }
}
