import Admin
import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// Subflows are held to a rate, and MPTCP moves the load. Links have a hop, so that the box's own qdiscs are as its owner
/// left them.
///
///     client ── fast, 90 Mbit/s ── hop ── box with sluice ── wan0 ── server
///            ── slow, 30 Mbit/s ── hop ──
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5))) struct ThrottleTests {
    static let relieve = """

        [[throttle]]
        name = "relieve"
        interface = "fast"
        download = "10mbit"
        upload = "10mbit"
        """

    /// Without a rule the fast link carries most, with one the slow link does; both ways, and the box is left as it was.
    @Test(arguments: [PeerRequest.Operation.download, .upload], IPFamily.allCases)
    func loadMovesToTheOtherLink(operation: PeerRequest.Operation, family: IPFamily) async throws {
        try await Lab.with(.twoLinks) { lab in
            let before = try await lab.trafficControl()
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let free = try await lab.shareOfFast(lab.plan(operation, 15_000_000, family))
            #expect(free > 0.6)
            try await lab.reload(sluice, lab.sluiceDefaults + Self.relieve)
            let throttled = try await lab.shareOfFast(lab.plan(operation, 15_000_000, family))
            #expect(throttled < 0.45)
            try await lab.waitUntilIdle(sluice)
            let report = try #require(try await sluice.throttles().first)
            #expect(report.matched == 1 && report.refused == 0 && report.obstacle == nil)
            #expect(report.classes.map(\.direction) == ["download", "upload"])
            let shaped = report.classes[operation == .download ? 0 : 1]
            #expect(shaped.bytes > 1_000_000 && shaped.overlimits > 0)
            #expect(try await sluice.status().tracking.disagreements == 0)
            try await lab.wait(for: "nobody to be held") { try await lab.marks().isEmpty }
            try await sluice.stop()
            #expect(try await lab.trafficControl() == before)
        }
    }

    /// A rule comes, changes and goes while a transfer runs, and every byte arrives. With the rule the rest of the
    /// transfer goes by the slow link, without it by the fast one.
    @Test(arguments: [PeerRequest.Operation.download, .upload])
    func rulesChangeWhileDataFlow(_ operation: PeerRequest.Operation) async throws {
        try await Lab.with(.twoLinks) { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let plan = lab.plan(operation, 60_000_000)
            async let report = lab.fetch(plan)
            try await lab.waitForSubflows(2, sluice)
            try await sluice.changeThrottles(
                "add", "relieve", "--interface", "fast", "--download", "20mbit", "--upload", "20mbit")
            #expect(try await sluice.held() == ["fast": "relieve"])
            try await sluice.changeThrottles("set", "relieve", "--download", "5mbit", "--upload", "5mbit")
            #expect(try await sluice.throttles().first?.classes.map(\.rate) == [5_000_000, 5_000_000])
            // Bytes decide, not time: so much goes by the slow link meanwhile.
            let held = try lab.bytes(operation.towards)
            try await lab.wait(for: "the slow link to carry 8 MB", within: .seconds(60)) {
                try lab.bytes(operation.towards)[1] > held[1] + 8_000_000
            }
            let carried = zip(try lab.bytes(operation.towards), held).map { $0 - $1 }
            #expect(carried[0] < carried[1], "free, the fast link carries three times as much: \(carried)")
            try await sluice.changeThrottles("clear", "relieve")
            #expect(try await sluice.held().isEmpty)
            #expect(try await sluice.throttles().isEmpty)
            let lifted = try lab.bytes(operation.towards)
            #expect(try await report.failures == [:])
            let rest = zip(try lab.bytes(operation.towards), lifted).map { Double($0 - $1) }
            #expect(rest[0] > rest[1], "the fast link carries most again")
        }
    }

    /// One class for each subflow, made and removed as they come and go: nothing is left, in tc as in conntrack.
    @Test(arguments: IPFamily.allCases)
    func hundredsOfClassesComeAndGo(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let rule = """

                [[throttle]]
                name = "each"
                interface = "lan0"
                min_subflows = 2
                download = "5mbit"
                upload = "5mbit"
                per = "subflow"
                """
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + rule)
            try await lab.serve()
            let idle = try await lab.trafficControl()
            var plan = lab.quietPlan(family)
            plan.count = 200
            plan.parallel = 200
            plan.pause = 6
            async let report = lab.fetch(plan)
            try await lab.wait(for: "200 classes", within: .seconds(30)) {
                try await sluice.throttles().first?.subflows == 200
            }
            let classes = try #require(try await sluice.throttles().first?.classes)
            #expect(Set(classes.compactMap(\.subflow)).count == 200)
            #expect(try await lab.marks().count == 200)
            #expect(try await lab.trafficControl().count { $0.contains("class htb") } >= 200)
            #expect(try await report.failures == [:])
            try await lab.wait(for: "all to be as before", within: .seconds(30)) {
                guard try await lab.marks().isEmpty else { return false }
                return try await lab.trafficControl() == idle
            }
            #expect(try await sluice.throttles().first?.refused == 0)
        }
    }

    /// The interface is gone for a while: the rule waits, and its qdisc and classes are there again with it.
    @Test func anInterfaceVanishesAndReturns() async throws {
        try await Lab.with(LabConfiguration(clients: [.init(links: [.init(), .init()])])) { lab in
            let rule = """

                [[throttle]]
                name = "relieve"
                interface = ["lan0", "lan1", "late0"]
                download = "10mbit"
                upload = "10mbit"
                """
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + rule)
            #expect(try await sluice.throttles().first?.obstacle == "there is no late0")
            let before = try await lab.trafficControl()
            for _ in 1...2 {
                try await lab.require(in: .box, ["ip", "link", "add", "late0", "type", "veth", "peer", "late1"])
                try await lab.wait(for: "the qdisc") { try await sluice.throttles().first?.obstacle == nil }
                let state = try await lab.run(in: .box, ["tc", "class", "show", "dev", "late0"]).output
                #expect(state.split(separator: "\n").count { $0.contains("rate 10Mbit") } == 1, "\(state)")
                try await lab.require(in: .box, ["ip", "link", "delete", "late0"])
                try await lab.wait(for: "the loss to be noticed") {
                    try await sluice.throttles().first?.obstacle == "there is no late0"
                }
            }
            // And somebody deletes what is ours.
            for (command, device, classes) in [
                (["tc", "qdisc", "delete", "dev", "lan0", "root"], "lan0", 1),
                (["ip", "link", "delete", "sluice1"], "sluice1", 2),
            ] {
                try await lab.require(in: .box, command)
                try await lab.wait(for: "what was deleted to be back") {
                    let output = try await lab.run(in: .box, ["tc", "class", "show", "dev", device]).output
                    return output.split(separator: "\n").count { $0.contains("rate 10Mbit") } == classes
                }
            }
            let after = try await lab.trafficControl()
            #expect(after == before, "\(after.difference(from: before))")
        }
    }

    /// `action = "backup"`: the download goes to the other link, and comes back.
    @Test(arguments: [PeerRequest.Operation.download, .upload], IPFamily.allCases)
    func backupSteers(operation: PeerRequest.Operation, family: IPFamily) async throws {
        try await Lab.with(.twoLinks) { lab in
            let rule = """

                [[throttle]]
                name = "steer"
                interface = "fast"
                action = "backup"
                after_bytes = "5MB"
                """
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + rule)
            try await lab.serve()
            let plan = lab.plan(operation, 60_000_000, family)
            async let report = lab.fetch(plan)
            try await lab.wait(for: "the client to be asked") { try await sluice.held() == ["fast": "steer"] }
            // What is under way arrives.
            try await Task.sleep(for: .seconds(1))
            let steered = try lab.bytes(operation.towards)
            try await lab.wait(for: "the slow link to carry 5 MB", within: .seconds(60)) {
                try lab.bytes(operation.towards)[1] > steered[1] + 5_000_000
            }
            // What the client had queued for the fast link still goes by it.
            let carried = zip(try lab.bytes(operation.towards), steered).map { $0 - $1 }
            #expect(carried[0] < carried[1], "free, the fast link carries three times as much: \(carried)")
            #expect(try await sluice.connections().first?.subflows.count(where: \.backup) == 1)
            try await sluice.changeThrottles("clear", "steer")
            let lifted = try lab.bytes(operation.towards)
            #expect(try await report.failures == [:])
            let rest = zip(try lab.bytes(operation.towards), lifted).map { Double($0 - $1) }
            #expect(rest[0] > rest[1], "the fast link carries most again")
            #expect(try await sluice.status().tracking.disagreements == 0)
            try await sluice.stop()
            #expect(try await lab.run(in: .box, ["sysctl", "-n", "net.mptcp.pm_type"]).output == "0\n")
        }
    }

    /// MP_PRIO is lost on its way to the client, which hears it the second time. Of the box's ACKs that one alone has
    /// 12 words: timestamps, a DSS with 8 bytes of acknowledgement, MP_PRIO.
    @Test(arguments: IPFamily.allCases) func aLostRequestIsRepeated(_ family: IPFamily) async throws {
        try await Lab.with(.twoLinks) { lab in
            _ = try await lab.run(in: .client(0), ["nft", "add table inet loss"])
            _ = try await lab.run(
                in: .client(0),
                ["nft", "add chain inet loss in { type filter hook input priority 0; }"])
            _ = try await lab.run(
                in: .client(0),
                [
                    "nft",
                    "add rule inet loss in tcp sport 5000 tcp flags == ack tcp doff 12 limit rate 1/day burst 1 packets counter drop",
                ])
            let rule = """

                [[throttle]]
                name = "steer"
                interface = "fast"
                action = "backup"
                after_bytes = "2MB"
                """
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + rule)
            try await lab.serve()
            async let report = lab.fetch(lab.plan(.upload, 40_000_000, family))
            try await lab.wait(for: "the client to hear of it", within: .seconds(60)) {
                try await lab.run(in: .client(0), ["nstat", "-asz", "MPTcpExtMPPrioRx"]).output
                    .contains(/MPTcpExtMPPrioRx +[1-9]/)
            }
            #expect(
                try await lab.run(in: .client(0), ["nft", "list", "chain", "inet", "loss", "in"]).output
                    .contains("counter packets 1 "))
            #expect(
                try await lab.run(in: .box, ["nstat", "-asz", "MPTcpExtMPPrioTx"]).output
                    .contains(/MPTcpExtMPPrioTx +2/))
            #expect(try await report.failures == [:])
            try await sluice.stop()
        }
    }

    /// With `inspect = "signalling"` the bulk needs no user space: the kernel goes on by the connmark alone, and bytes are
    /// counted all the same.
    @Test(arguments: [(PeerRequest.Operation.download, IPFamily.v6), (.upload, .v4), (.upload, .v6)])
    func theKernelCarriesOnAlone(_ operation: PeerRequest.Operation, _ family: IPFamily) async throws {
        try await Lab.with(.twoLinks) { lab in
            let configuration = lab.configuration(["intercept": "inspect = \"signalling\""])
            let sluice = try await lab.startSluice(
                configuration: configuration + Self.relieve + "\nafter_bytes = \"2MB\"\n")
            try await lab.serve()
            #expect(try await lab.fetch(lab.plan(operation, 1_900_000, family)).failures == [:])
            #expect(try await sluice.throttles().first?.matched == 0)
            async let share = lab.shareOfFast(lab.plan(operation, 30_000_000, family))
            try await lab.wait(for: "a match") { try await sluice.throttles().first?.matched == 1 }
            let carried = try lab.carried().reduce(0, +)
            let inspected = try await sluice.status().packets.dataBytes
            #expect(try await share < 0.5)
            let report = try #require(try await sluice.throttles().first)
            #expect(report.classes[operation == .download ? 0 : 1].bytes > 1_000_000)
            let status = try await sluice.status()
            let later = try lab.carried().reduce(0, +) - carried
            #expect(status.packets.dataBytes - inspected < later / 4, "of \(later)")
            #expect(
                status.tracking.disagreements == 0 && status.tracking.compared > 0, "\(sluice.log)")
        }
    }

    /// A throttled download needs a congestion control that knows the rate; the operator's own choice stands all the same.
    @Test(arguments: [nil, "reno"])
    func heldDownloadsAreSentByMeasuredRate(_ chosen: String?) async throws {
        try await Lab.with { lab in
            try lab.setSysctl(in: .box, "net/ipv4/tcp_congestion_control", "reno")
            let relay = chosen.map { "\n[relay]\ncongestion_control = \"\($0)\"\n" } ?? ""
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + relay)
            try await lab.serve()
            let plan = lab.quietPlan()
            async let report = lab.fetch(plan)
            try await lab.waitForSubflows(2, sluice)
            let byBBR = {
                let sockets = try await lab.sockets(in: .box, ["-tinO", "state", "established", "sport", "=", ":5000"])
                return sockets.count { $0.contains(" bbr ") }
            }
            #expect(try await byBBR() == 0)
            try await sluice.changeThrottles("add", "up", "--interface", "lan0", "--upload", "10mbit")
            #expect(try await byBBR() == 0)
            try await sluice.changeThrottles("add", "down", "--interface", "lan1", "--download", "10mbit")
            if chosen == nil {
                try await lab.wait(for: "BBR") { try await byBBR() == 2 }
            } else {
                #expect(try await byBBR() == 0)
            }
            #expect(try await report.failures == [:])
        }
    }
}
