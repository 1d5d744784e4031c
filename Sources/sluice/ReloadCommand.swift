import Admin
import ArgumentParser
import Foundation

struct Reload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Have the daemon read its configuration anew, or say what that would change.",
        discussion: """
            The daemon reads the file that it was started with. With a wrong one everything stays as it was, what is wrong \
            is said, and the exit code is 78. What a reload can't change `sluice upgrade` can, but for a few keys that take a restart.
            """)

    @Flag(name: .long, help: "Change nothing; say what would change, and what needs an upgrade or a restart.")
    var dryRun = false
    @Flag(name: .long, help: "Upgrade instead, if the program's file is another one than the daemon was started from.")
    var upgrade = false
    @OptionGroup var output: JSONOption
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func validate() throws {
        guard upgrade, dryRun || output.json else { return }
        throw ValidationError("--upgrade goes with neither --dry-run nor --json")
    }

    func run() async throws {
        let client = control.client(parent.control)
        if upgrade, try await asking({ () throws(ControlError) in try await client.status() }).programReplaced {
            return print(try await Upgrade.put(nil, in: client))
        }
        let body = try await order(client)
        guard !output.json else { return FileHandle.standardOutput.write(body) }
        let report: ReloadReport = try await asking { () throws(ControlError) in try client.decoded(body) }
        print(report.text)
    }

    private func order(_ client: ControlClient) async throws -> Data {
        do {
            return try await client.reload(ReloadOrder(dryRun: dryRun))
        } catch ControlError.refused(_, status: 400, let reason?) {
            printError(reason)
            throw Sluice.Failure.configuration
        } catch {
            printError("\(error)")
            throw Sluice.Failure.atRunTime
        }
    }
}

extension ReloadReport {
    var text: String {
        guard !changes.isEmpty else { return applied ? "reloaded; nothing has changed" : "nothing would change" }
        let heading = ["KEY", "NOW", applied ? "IN THE FILE" : "THEN", "TAKES"]
        let rows = changes.map { [$0.key, $0.before ?? "-", $0.after ?? "-", $0.needs] }
        let waiting = [("upgrade", "by sluice upgrade"), ("restart", "at a restart")].map { need, words in
            let count = changes.count { $0.needs == need }
            return count == 0 ? "" : "; \(count) of them only \(words)"
        }.joined()
        let count = changes.count == 1 ? "1 key" : "\(changes.count) keys"
        let summary = applied ? "reloaded: \(count) changed\(waiting)" : "\(count) would change\(waiting)"
        return table([heading] + rows) + "\n" + summary
    }
}
