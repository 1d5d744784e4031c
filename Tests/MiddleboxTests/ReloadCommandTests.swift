import Admin
import Foundation
import Lab
import Testing

/// `sluice reload`, and what it would do.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct ReloadCommandTests {
    private func write(_ sluice: SluiceDaemon, _ text: String) throws {
        try text.write(toFile: sluice.configurationPath, atomically: true, encoding: .utf8)
    }

    @Test func aDryRunChangesNothing() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let nothing = try await sluice.command("reload", "--dry-run")
            #expect(nothing.status.isSuccess && nothing.output == "nothing would change\n")
            let throttle = "\n[[throttle]]\nname = \"a\"\ninterface = \"lan0\"\ndownload = \"10mbit\"\n"
            try write(
                sluice, lab.configuration(["intercept": "ports = [5001]", "relay": "workers = 1"]) + throttle)
            let before = try await lab.trafficControl()
            let text = try await sluice.command("reload", "--dry-run")
            #expect(
                text.output == """
                    KEY              NOW  THEN   TAKES
                    intercept.ports  all  5001   reload
                    throttle.a       -    there  reload
                    relay.workers    -    1      upgrade
                    3 keys would change; 1 of them only by sluice upgrade

                    """, "\(text.output)\(text.errors)")
            let json: ReloadReport = try await sluice.decoded(["reload", "--dry-run"])
            #expect(!json.applied && json.changes.map(\.needs) == ["reload", "reload", "upgrade"])
            #expect(json.changes[1].before == nil && json.changes[2].before == nil)
            #expect(try await lab.trafficControl() == before)
            #expect(try await sluice.throttles().isEmpty)
            try await lab.serve()
            #expect(try await lab.fetch(lab.plan(.echo, 1000)).failures == [:])
            #expect(try await sluice.decisions() == ["intercept: server answered": 1])
            #expect(!sluice.log.contains("reloaded"))

            let done = try await sluice.command("reload")
            #expect(
                done.output.contains("reloaded: 3 keys changed; 1 of them only by sluice upgrade\n"), "\(done.output)")
            #expect(sluice.log.contains("reloaded, but [relay] workers needs `sluice upgrade` to take effect"))
            #expect(try await sluice.throttles().map(\.name) == ["a"])
            #expect(try await lab.fetch(lab.plan(.echo, 1000)).failures == [:])
            #expect(try await sluice.count("pass: policy") == 1)
            // What waits for an upgrade is owed still.
            let owed: ReloadReport = try await sluice.decoded(["reload", "--dry-run"])
            #expect(owed.changes.map(\.key) == ["relay.workers"])
        }
    }

    @Test func aWrongFileIsSaid() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try write(sluice, lab.configuration(["intercept": "prots = [5001]"]))
            for words in [["reload", "--dry-run"], ["reload"], ["reload", "--json"]] {
                let result = try await sluice.command(words)
                #expect(result.status == .exited(78))
                #expect(result.errors.contains("\(sluice.configurationPath):"))
                #expect(result.errors.contains("intercept.prots: unknown key; did you mean ports?"))
            }
            #expect(sluice.log.matches(of: /the settings stay as they were/).count == 2, "a dry run says nothing there")
            try write(
                sluice,
                lab.sluiceDefaults + "\n[[throttle]]\nname = \"a\"\ninterface = \"lan1\"\ndownload = \"1mbit\"\n")
            try await lab.require(in: .box, ["tc", "qdisc", "add", "dev", "lan1", "root", "bfifo", "limit", "99000"])
            let refused = try await sluice.command("reload")
            #expect(refused.status == .exited(1) && refused.errors.contains("take_over = true"), "\(refused.errors)")
            #expect(try await sluice.throttles().isEmpty)
            try await sluice.stop()
            #expect(try await sluice.command("reload").status == .exited(1))
        }
    }
}
