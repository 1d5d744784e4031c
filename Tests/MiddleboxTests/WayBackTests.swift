import Foundation
import Lab
import PacketForge
import Settings
import Testing
import Wire

/// What servers send to a box of a cluster, and comes to another one.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5))) struct WayBackTests {
    private typealias Rig = ClusterTests.Rig

    /// All of it, under strict rp_filter and a FORWARD chain that knows only what it has seen begin.
    @Test(arguments: [(2, "nft"), (3, "legacy")]) func answersComeToTheirBox(_ boxes: Int, _ iptables: String)
        async throws
    {
        try await Rig.with(boxes, iptables: iptables, rate: BitRate("80mbit")!) { rig in
            let lab = rig.lab
            for member in 0..<boxes { try await lab.harden(.member(member), iptables) }
            try await lab.leadAnswersAstray()
            for family in IPFamily.allCases {
                for operation in [PeerRequest.Operation.download, .upload] {
                    var plan = lab.plan(operation, 1_000_000, family)
                    (plan.count, plan.parallel) = (20, 4)
                    let report = try await lab.fetch(plan)
                    #expect(report.failures == [:] && report.completed == 20)
                }
            }
            var accepted: UInt64 = 0
            for box in rig.boxes {
                let status = try await box.status()
                accepted += status.connections.accepted
                #expect(status.dials.failed == 0)
            }
            #expect(accepted == 80)
            for box in rig.boxes { #expect(!box.log.contains("error"), "\(box.log)") }
        }
    }

    /// Clients' own connections from such ports go on, whoever's slice these are in, and whatever comes is never led twice.
    @Test(arguments: IPFamily.allCases) func clientsOwnPortsAreTheirs(_ family: IPFamily) async throws {
        try await Rig.with(2) { rig in
            let lab = rig.lab
            for member in 0..<2 { try await lab.harden(.member(member), "nft") }
            try await lab.inside(.client(0)) {
                try Data("4096 32767".utf8).write(to: URL(filePath: "/proc/sys/net/ipv4/ip_local_port_range"))
            }
            var plan = lab.plan(.download, 100_000, family, transport: .tcp)
            (plan.count, plan.parallel) = (40, 4)
            #expect(try await lab.fetch(plan).failures == [:])
            plan.transport = .mptcp
            #expect(try await lab.fetch(plan).failures == [:])
        }
    }

    /// A segment for nobody is led once, and then goes where the route of its destination leads.
    @Test(arguments: IPFamily.allCases) func nothingGoesRoundInCircles(_ family: IPFamily) async throws {
        try await Rig.with(2) { rig in
            let lab = rig.lab
            let slices = PortSlices(4096...32767, boxes: ["box-0", "box-1"])
            let before = try (0..<2).map { try lab.interfaces(in: .member($0))["cl0"]!.receivedPackets }
            let client = Endpoint(address: lab.address(.client(0), family), port: slices["box-1"]!.lowerBound + 7)
            let server = Endpoint(address: lab.address(.server(0), family), port: 5000)
            let hardware = try await lab.run(in: .member(0), ["cat", "/sys/class/net/wan/address"]).output
                .split { ":\n".contains($0) }.compactMap { UInt8($0, radix: 16) }
            let socket = try await lab.inside(.box) { try PacketSocket(interface: "m0wan", family) }
            for flags in [TCPFlags.ack, [.syn, .ack], [.fin, .ack], .rst] {
                let draft = PacketDraft(source: server, destination: client, sequence: 1, flags: flags)
                try socket.send(draft.bytes, to: hardware)
            }
            try await lab.wait(for: "the stray segment at its box") {
                try lab.interfaces(in: .member(1))["cl0"]!.receivedPackets > before[1]
            }
            try await Task.sleep(for: .milliseconds(200))
            let after = try (0..<2).map { try lab.interfaces(in: .member($0))["cl0"]!.receivedPackets }
            #expect(after[1] - before[1] < 30 && after[0] - before[0] < 30, "\(before) \(after)")
        }
    }

    /// A box that has lost its power: what servers still send to its connections is refused at once by whoever gets it.
    @Test(arguments: IPFamily.allCases) func aDeadBoxsConnectionsAreReset(_ family: IPFamily) async throws {
        try await Rig.with(3, rate: BitRate("80mbit")!) { rig in
            let lab = rig.lab
            let dead = 2
            let ports = PortSlices(4096...32767, boxes: (0..<3).map { "box-\($0)" })["box-\(dead)"]!
            let known = {
                let filter = "( dport >= :\(ports.lowerBound) and dport <= :\(ports.upperBound) )"
                return try await lab.sockets(in: .server(0), ["-t", "state", "established", filter]).count
            }
            var plan = lab.plan(.download, 20_000_000, family)
            (plan.count, plan.parallel, plan.limit) = (16, 16, .seconds(15))
            let fetch = Task { [plan] in try await lab.fetch(plan) }
            try await lab.wait(for: "connections of the box") { try await known() > 0 }
            try await lab.cutOff(dead)
            try await lab.wait(for: "the servers to be told", within: .seconds(20)) { try await known() == 0 }
            // The one that gets them knows whose they were.
            let peers = try #require(try await rig.boxes[0].status().cluster).peers
            #expect(peers.filter { !$0.alive }.map(\.id) == ["box-\(dead)"])
            // Of the others' some end, too: the router, whose groups aren't resilient, moves half of them.
            let report = try await fetch.value
            #expect(report.completed + report.failures.values.reduce(0, +) == 16)
            #expect(!report.failures.isEmpty)
        }
    }
}
