import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// `sluice upgrade` of the boxes of a cluster: subflows that are led go on, joins find their owners all the time, and the others see
/// one box.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5))) struct ClusterUpgradeTests {
    private typealias Rig = ClusterTests.Rig

    /// Conversations with two subflows each, among them some whose second one is led.
    private func conversations(_ rig: Rig, _ family: IPFamily) async throws -> [Conversation] {
        var all: [Conversation] = []
        var led: UInt64 = 0
        while all.count < 6 || led < 3, all.count < 40 {
            var plan = rig.lab.plan(.echo, 1, family)
            plan.seed = UInt32(100 + all.count)
            let conversation = try await rig.lab.converse(plan)
            try await conversation.bounce(1000)
            all.append(conversation)
            led = try await rig.sum(ClusterTests.led)
        }
        let count = all.count
        try await rig.lab.wait(for: "two subflows each") {
            try await subflows(rig) == Array(repeating: 2, count: count)
        }
        #expect(try await rig.sum(ClusterTests.led) >= 3)
        return all
    }

    /// Of all connections at all boxes.
    private func subflows(_ rig: Rig) async throws -> [Int] {
        var counts: [Int] = []
        for box in rig.boxes { counts += try await box.connections().map(\.subflows.count) }
        return counts
    }

    /// What each subflow has carried to its server, by its client's end.
    private func carried(_ rig: Rig) async throws -> [String: UInt64] {
        var all: [String: UInt64] = [:]
        for box in rig.boxes {
            for subflow in try await box.connections().flatMap(\.subflows) {
                all[subflow.remote] = subflow.bytesToServer
            }
        }
        return all
    }

    private func tokens(_ rig: Rig) async throws -> Set<String> {
        let names = try await rig.lab.run(
            in: .box, ["redis-cli", "-h", Lab.directoryAddress, "keys", "sluice:token:*"]
        ).output
        return Set(names.split(separator: "\n").map { String($0.dropFirst("sluice:token:".count)) })
    }

    @Test(arguments: IPFamily.allCases) func ledSubflowsGoOn(_ family: IPFamily) async throws {
        try await Rig.with(2, rate: BitRate("80mbit")!) { rig in
            let lab = rig.lab
            let all = try await conversations(rig, family)
            let known = try await tokens(rig)
            #expect(known.count == all.count)
            let resets = try await lab.multipath("MPRstRx")
            for _ in 0..<2 {
                for box in rig.boxes {
                    let former = box.pid
                    let result = try await box.upgrade()
                    #expect(result.status == .exited(0), "\(result.errors)\(box.log)")
                    try await lab.wait(for: "the former process to end") { !isRunning(former) }
                    // Much enough that both subflows carry some, whichever box was exchanged.
                    let before = try await carried(rig)
                    for conversation in all { try await conversation.bounce(1_000_000) }
                    let after = try await carried(rig)
                    #expect(before.count == 2 * all.count && after.count == 2 * all.count)
                    for (end, bytes) in after { #expect(bytes > before[end, default: 0], "\(end)") }
                    #expect(try await tokens(rig) == known)
                }
            }
            #expect(try await lab.multipath("MPRstRx") == resets)
            try await rig.waitForAll()
            for box in rig.boxes {
                let status = try #require(try await box.status().cluster)
                #expect(!status.usedTwice && status.collisions == 0 && status.lost == 0)
                #expect(!box.log.contains("another box says") && !box.log.contains("error"), "\(box.log)")
            }
            for conversation in all { try await conversation.end() }
            try await lab.wait(for: "the ends") { try await tokens(rig).isEmpty }
        }
    }

    /// Boxes are exchanged one after the other while clients connect and join.
    @Test(arguments: IPFamily.allCases) func joinsFindTheirOwnersMeanwhile(_ family: IPFamily) async throws {
        try await Rig.with(2, rate: BitRate("80mbit")!, lookup: .milliseconds(150)) { rig in
            let lab = rig.lab
            let done = Flag()
            async let failures: [PeerError: Int] = {
                var failures: [PeerError: Int] = [:]
                while !done.isUp {
                    var plan = lab.plan(.download, 2_000_000, family)
                    (plan.count, plan.parallel) = (8, 4)
                    failures.merge(try await lab.fetch(plan).failures, uniquingKeysWith: +)
                }
                return failures
            }()
            for _ in 0..<3 {
                for box in rig.boxes { #expect(try await box.upgrade().status == .exited(0), "\(box.log)") }
            }
            done.raise()
            #expect(try await failures == [:])
            let (sent, answered) = try await (lab.multipath("MPJoinSynTx"), lab.multipath("MPJoinSynAckRx"))
            #expect(sent > 10 && answered == sent, "\(answered) of \(sent)")
            for box in rig.boxes { #expect(!box.log.contains("another box says"), "\(box.log)") }
            try await lab.wait(for: "the ends") { try await tokens(rig).isEmpty }
        }
    }

    /// A box becomes one of a cluster, and stops being one, while its connections go on.
    @Test func aClusterComesAndGoesByAnUpgrade() async throws {
        try await Rig.with(2, cluster: false) { rig in
            let lab = rig.lab
            let conversation = try await lab.converse(lab.plan(.echo, 1))
            try await conversation.bounce(1000)
            let alone = try String(contentsOfFile: rig.boxes[0].configurationPath, encoding: .utf8)
            for (member, box) in rig.boxes.enumerated() {
                try (alone + lab.memberSettings(member, lookupTimeout: .milliseconds(500))).write(
                    toFile: box.configurationPath, atomically: true, encoding: .utf8)
                #expect(try await box.upgrade().status == .exited(0), "\(box.log)")
            }
            try await rig.waitForAll()
            try await conversation.bounce(1000)
            var plan = lab.plan(.download, 1_000_000)
            (plan.count, plan.parallel) = (40, 4)
            #expect(try await lab.fetch(plan).failures == [:])
            #expect(try await rig.sum(ClusterTests.led) > 5)
            for box in rig.boxes {
                try alone.write(toFile: box.configurationPath, atomically: true, encoding: .utf8)
                let former = box.pid
                #expect(try await box.upgrade().status == .exited(0), "\(box.log)")
                try await lab.wait(for: "the former process to end") { !isRunning(former) }
            }
            try await conversation.bounce(1000)
            for member in 0..<2 {
                let table = try await lab.run(in: .member(member), ["nft", "list", "table", "netdev", "sluice_peers"])
                #expect(table.status != .exited(0), "\(table.output)")
            }
            try await conversation.end()
        }
    }

    private func isRunning(_ pid: pid_t) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return !text.contains(") Z ")
    }
}
