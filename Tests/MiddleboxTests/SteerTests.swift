import Admin
import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// Steering over real links: what is decided shows in the kernels at both ends, and outlives what routers go through.
@Suite(.enabled(if: isRoot), .serialized) struct SteerTests {
    static let paths = """

        [[path]]
        name = "wired"
        interface = "fast"
        capacity = "90mbit"
        [[path]]
        name = "mobile"
        interface = "slow"
        capacity = "30mbit"

        """

    static func rule(_ mode: String) -> String {
        """
        [[steer]]
        name = "rule"
        min_hold = "2s"
        \(mode)

        """
    }

    static let overflow = paths + rule("mode = \"priority-based\"\nhigh = \"wired\"\nlow = \"mobile\"")
    static let reserve = paths + rule("mode = \"active-standby\"\nactive = \"wired\"\nstandby = \"mobile\"")

    /// Two links, and a server's link whose rate is what is wanted.
    static func network(wanted: BitRate) -> LabConfiguration {
        var configuration = LabConfiguration.twoLinks
        configuration.servers = [.init(rate: wanted)]
        return configuration
    }

    func plan(_ lab: Lab, _ length: UInt64, _ family: IPFamily = .v4) -> FetchPlan {
        var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000, family), .mptcp)
        plan.length = length...length
        return plan
    }

    @Test("the low path is a backup at both ends while the high one has room", arguments: IPFamily.allCases)
    func theLowPathStandsBy(family: IPFamily) async throws {
        let configuration = Self.network(wanted: .mbit(20))
        try await Lab.with(configuration) { lab in
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.overflow)
            try await lab.serve()
            let before = try lab.bytes(.towardsNode)
            async let report = lab.fetch(plan(lab, 10_000_000, family))
            try await lab.waitForSubflows(2, sluice)
            try await lab.wait(for: "the subflow of the low path to be a backup") {
                let subflows = try await sluice.connections().flatMap(\.subflows)
                return subflows.contains { $0.interface == "slow" && $0.backup }
                    && subflows.allSatisfy { $0.interface == "slow" || !$0.backup }
            }
            #expect(try await report.failures == [:])
            #expect(try lab.counters(in: .client(0))["MPTcpExtMPPrioRx", default: 0] >= 1)
            let carried = zip(try lab.bytes(.towardsNode), before).map { $0 - $1 }
            // What came before the subflow was asked for may have gone there.
            #expect(carried[1] < carried[0] / 4)
            let paths = try await sluice.paths()
            #expect(paths.paths.map(\.name) == ["wired", "mobile"])
            #expect(paths.paths[1].uses.map(\.use) == ["standby"])
            #expect(paths.decisions.isEmpty)
        }
    }

    @Test("the low path helps when the high one is full, and stands by again when nothing is wanted")
    func theLowPathHelps() async throws {
        try await Lab.with(Self.network(wanted: .mbit(300))) { lab in
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.overflow)
            try await lab.serve()
            async let report = lab.fetch(plan(lab, 100_000_000))
            try await lab.wait(for: "the low path to be active") {
                try await sluice.paths().paths[1].uses.map(\.use) == ["active"]
            }
            try await lab.wait(for: "no subflow to be a backup") {
                let subflows = try await sluice.connections().flatMap(\.subflows)
                return subflows.count == 2 && subflows.allSatisfy { !$0.backup }
            }
            #expect(try await report.failures == [:])
            try await lab.wait(for: "the low path to stand by") {
                try await sluice.paths().paths[1].uses.map(\.use) == ["standby"]
            }
            let decisions = try await sluice.paths().decisions
            #expect(decisions.map(\.effect) == ["active", "standby"])
            #expect(decisions.map(\.path) == ["mobile", "mobile"])
            #expect(decisions.first?.reason.contains("wired") == true)
            let words = try await sluice.command("paths", "--why").output
            #expect(words.contains("priority") == false && words.contains("wired has room for all"))
        }
    }

    @Test("an active path on which packets are lost is left, and not a byte with it")
    func aDeadPathIsLeft() async throws {
        try await Lab.with(Self.network(wanted: .mbit(20))) { lab in
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.reserve)
            try await lab.serve()
            async let report = lab.fetch(plan(lab, 20_000_000))
            try await lab.waitForSubflows(2, sluice)
            try lab.cut(lab.links(of: .client(0))[0])
            try await lab.wait(for: "the standby path to be active") {
                let uses = try await sluice.paths().paths.map { $0.uses.map(\.use) }
                return uses == [["standby"], ["active"]]
            }
            #expect(try await report.failures == [:])
            #expect(try await sluice.paths().paths[0].state == "down")
        }
    }

    @Test("no_standby resets the standby path's subflows") func standbySubflowsAreReset() async throws {
        try await Lab.with(Self.network(wanted: .mbit(20))) { lab in
            let mode = "mode = \"active-standby\"\nactive = \"wired\"\nstandby = \"mobile\"\nno_standby = true"
            let sluice = try await lab.startSluice(
                configuration: lab.sluiceDefaults + Self.paths + Self.rule(mode))
            try await lab.serve()
            async let report = lab.fetch(plan(lab, 10_000_000))
            try await lab.wait(for: "a single subflow, after a join") {
                let joins = try await sluice.status().tracking.joins
                let connections = try await sluice.connections()
                return joins == 1 && connections.count == 1 && connections[0].subflows.map(\.interface) == ["fast"]
            }
            #expect(try await report.failures == [:])
        }
    }

    @Test("a path that becomes slow is left, and found to be quick again by trying it") func aSlowPathIsLeft()
        async throws
    {
        var configuration = Self.network(wanted: .mbit(10))
        configuration.clients = [
            .init(links: [
                .init(name: "fast", rate: .mbit(90), delay: .milliseconds(5)),
                .init(name: "slow", rate: .mbit(30), delay: .milliseconds(15)),
            ])
        ]
        try await Lab.with(configuration) { lab in
            let mode = "mode = \"smallest-delay\"\npaths = [\"wired\", \"mobile\"]\nmargin = \"100ms\""
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.paths + Self.rule(mode))
            try await lab.serve()
            async let report = lab.fetch(plan(lab, 40_000_000))
            try await lab.waitForSubflows(2, sluice)
            let uses = { try await sluice.paths().paths.map { $0.uses.map(\.use) } }
            #expect(try await uses() == [["active"], ["active"]])
            lab.setDelay(of: lab.links(of: .client(0))[0], .milliseconds(150))
            try await lab.wait(for: "the slow path to be left") { try await uses() == [["standby"], ["active"]] }
            try await lab.wait(for: "its subflow to be a backup") {
                try await sluice.connections().flatMap(\.subflows).contains { $0.interface == "fast" && $0.backup }
            }
            lab.setDelay(of: lab.links(of: .client(0))[0], .milliseconds(5))
            try await lab.wait(for: "the path to be taken back", within: .seconds(20)) {
                try await uses() == [["active"], ["active"]]
            }
            #expect(try await report.failures == [:])
        }
    }

    @Test("rules that can't be carried out leave the old ones in force") func refusedRulesChangeNothing() async throws {
        try await Lab.with(Self.network(wanted: .mbit(20))) { lab in
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.overflow)
            try await lab.serve()
            async let report = lab.fetch(plan(lab, 20_000_000))
            try await lab.waitForSubflows(2, sluice)
            // Somebody else's: weights would need a qdisc of ours there.
            try await lab.require(
                in: .box, ["tc", "qdisc", "add", "dev", "slow", "root", "handle", "5:", "pfifo", "limit", "1000"])
            let weights = Self.rule("mode = \"load-balancing\"\nweights = { wired = 50, mobile = 50 }")
            try await lab.reload(
                sluice, lab.sluiceDefaults + Self.paths + weights, until: "the settings stay as they were")
            let paths = try await sluice.paths()
            #expect(paths.rules.map(\.mode) == ["priority-based"])
            #expect(paths.paths.map { $0.uses.map(\.use) } == [["active"], ["standby"]])
            #expect(paths.paths.map(\.subflows) == [1, 1])
            #expect(try await report.failures == [:])
        }
    }

    @Test("weights limit the path that would carry too much") func weightsLimit() async throws {
        try await Lab.with(Self.network(wanted: .mbit(60))) { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.sluiceDefaults + Self.paths
                    + Self.rule("mode = \"load-balancing\"\nweights = { wired = 50, mobile = 50 }"))
            try await lab.serve()
            async let report = lab.fetch(plan(lab, 60_000_000))
            try await lab.wait(for: "equal limits for both paths") {
                let limits = try await sluice.paths().paths.compactMap { $0.uses.first?.downloadLimit }
                return limits.count == 2 && limits[0] == limits[1] && limits[0] > 5_000_000
            }
            let before = try lab.bytes(.towardsNode)
            #expect(try await report.failures == [:])
            let carried = zip(try lab.bytes(.towardsNode), before).map { Double($0 - $1) }
            // Without weights the fast link carries three times as much.
            #expect(carried[0] < 2 * carried[1])
        }
    }

    @Test("a conditional throttle comes with others' traffic and goes with it") func aThrottleComesAndGoes()
        async throws
    {
        let rule = """

            [[throttle]]
            name = "relieve"
            interface = "fast"
            when = "congested"
            path = "wired"
            min_hold = "1s"
            download = "2mbit"
            """
        try await Lab.with(Self.network(wanted: .gbit(1))) { lab in
            try await lab.require(in: .client(0), ["ip", "address", "add", "10.1.0.3/24", "dev", "fast"])
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.paths + rule)
            try await lab.serve()
            async let report = lab.fetch(plan(lab, 200_000_000))
            try await lab.waitForSubflows(2, sluice)
            // Its own traffic fills the link, and is no reason.
            try await lab.wait(for: "a full link") { try await sluice.paths().paths[0].state == "congested" }
            #expect(try await sluice.paths().decisions.isEmpty)
            #expect(try await sluice.throttles()[0].classes.map(\.rate) == [1_000_000_000_000])
            var other = FetchPlan(to: lab.endpoint(.server(0), port: 5000), .tcp)
            other.length = 60_000_000...60_000_000
            other.from = IPAddress("10.1.0.3")
            async let others = lab.fetch(other)
            try await lab.wait(for: "the throttle to be on") {
                try await sluice.throttles()[0].classes.map(\.rate) == [2_000_000]
            }
            #expect(try await others.failures == [:])
            try await lab.wait(for: "the throttle to be off again") {
                try await sluice.throttles()[0].classes.map(\.rate) == [1_000_000_000_000]
            }
            #expect(try await report.failures == [:])
            #expect(try await sluice.paths().decisions.map(\.effect).prefix(2) == ["throttled", "released"])
        }
    }

    @Test("a conditional backup comes with others' traffic and goes with it") func aBackupComesAndGoes() async throws {
        let rule = """

            [[throttle]]
            name = "give-way"
            interface = "fast"
            when = "congested"
            path = "wired"
            min_hold = "1s"
            action = "backup"
            """
        try await Lab.with(Self.network(wanted: .gbit(1))) { lab in
            try await lab.require(in: .client(0), ["ip", "address", "add", "10.1.0.3/24", "dev", "fast"])
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.paths + rule)
            try await lab.serve()
            async let report = lab.fetch(plan(lab, 200_000_000))
            try await lab.waitForSubflows(2, sluice)
            let backups = {
                try await sluice.connections().flatMap(\.subflows).filter(\.backup).compactMap(\.interface)
            }
            // Its own traffic fills the link, and is no reason.
            try await lab.wait(for: "a full link") { try await sluice.paths().paths[0].state == "congested" }
            #expect(try await backups() == [])
            var other = FetchPlan(to: lab.endpoint(.server(0), port: 5000), .tcp)
            other.length = 60_000_000...60_000_000
            other.from = IPAddress("10.1.0.3")
            async let others = lab.fetch(other)
            try await lab.wait(for: "the fast link to be left") { try await backups() == ["fast"] }
            #expect(try await others.failures == [:])
            try await lab.wait(for: "the fast link to be used again") { try await backups() == [] }
            #expect(try await report.failures == [:])
            #expect(try await sluice.paths().decisions.map(\.effect).prefix(2) == ["throttled", "released"])
        }
    }

    @Test("a cap outlives SIGKILL; what was carried meanwhile counts") func aCapOutlivesSIGKILL() async throws {
        try await Lab.with(Self.network(wanted: .mbit(200))) { lab in
            let folder = lab.directory + "/state"
            let text =
                lab.sluiceDefaults + """

                    [advanced]
                    state_directory = "\(folder)"
                    [[path]]
                    name = "wired"
                    interface = "fast"
                    cap = "3MB/month"
                    [[path]]
                    name = "mobile"
                    interface = "slow"

                    """ + Self.rule("mode = \"priority-based\"\nhigh = \"wired\"\nlow = \"mobile\"")
            let sluice = try await lab.startSluice(configuration: text)
            try await lab.serve()
            let used = { (sluice: SluiceDaemon) in try await sluice.paths().paths[0].cap?.used ?? 0 }
            #expect(try await lab.fetch(plan(lab, 1_000_000)).failures == [:])
            try await lab.wait(for: "the bytes to be counted") { try await used(sluice) >= 500_000 }
            try await lab.wait(for: "the file", within: .seconds(20)) {
                FileManager.default.contents(atPath: folder + "/volumes.json") != nil
            }
            try await sluice.kill()
            // Forwarded, with the daemon away.
            var plain = FetchPlan(to: lab.endpoint(.server(0), port: 5000), .tcp)
            plain.length = 3_000_000...3_000_000
            #expect(try await lab.fetch(plain).failures == [:])
            let next = try await lab.startSluice(configuration: text)
            try await lab.wait(for: "the path to be unfit") { try await next.paths().paths[0].state == "unfit" }
            #expect(try await used(next) >= 3_500_000)
            try await lab.wait(for: "the other path to be active") {
                try await next.paths().paths[1].uses.map(\.use) == ["active"]
            }
        }
    }

    @Test("a reload with the same rules changes nothing, one with wrong ones neither") func reloads() async throws {
        try await Lab.with(Self.network(wanted: .mbit(20))) { lab in
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.overflow)
            try await lab.serve()
            async let report = lab.fetch(plan(lab, 20_000_000))
            try await lab.waitForSubflows(2, sluice)
            let since = try await sluice.paths().paths.map(\.stateForUs)
            try await lab.reload(sluice, lab.sluiceDefaults + Self.overflow)
            #expect(zip(try await sluice.paths().paths.map(\.stateForUs), since).allSatisfy { $0 >= $1 })
            let wrong = Self.overflow.replacing("low = \"mobile\"", with: "low = \"moblie\"")
            try await lab.reload(sluice, lab.sluiceDefaults + wrong, until: "the settings stay as they were")
            #expect(try await sluice.paths().rules.map(\.paths) == [["wired", "mobile"]])
            try await lab.reload(sluice, lab.sluiceDefaults)
            try await lab.wait(for: "no subflow to be a backup") {
                try await sluice.connections().flatMap(\.subflows).allSatisfy { !$0.backup }
            }
            #expect(try await sluice.paths().paths.isEmpty)
            #expect(try await report.failures == [:])
        }
    }
}

extension SluiceDaemon {
    func paths() async throws -> PathsReport { try await decoded("paths") }
}
