import Admin
import ArgumentParser
import Foundation

struct Paths: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The access paths: how they fare, what the steering rules make of them, and why.",
        discussion: "docs/steering.md says what each state means, and what follows from it.")

    @Flag(name: .long, help: "Print the last decisions instead, with the figures that they rest on.")
    var why = false
    @Flag(name: .long, help: "Print again every second, until interrupted.")
    var watch = false
    @OptionGroup var output: JSONOption
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func validate() throws {
        if why, output.json { throw ValidationError("--json has the decisions, too; leave out --why") }
    }

    func run() async throws {
        let client = control.client(parent.control)
        repeat {
            try await print(client)
            if watch { try await Task.sleep(for: .seconds(1)) }
        } while watch
    }

    private func print(_ client: ControlClient) async throws {
        if output.json {
            let body = try await asking { () throws(ControlError) in try await client.get("/v1/paths") }
            return FileHandle.standardOutput.write(body)
        }
        let report = try await asking { () throws(ControlError) in try await client.paths() }
        let clear = watch && isatty(STDOUT_FILENO) == 1 ? "\u{1b}[H\u{1b}[2J" : ""
        Swift.print(clear + (why ? Self.decisions(report) : Self.text(report)))
    }

    private static func text(_ report: PathsReport) -> String {
        guard !report.paths.isEmpty else { return "no paths; docs/steering.md shows how to declare some" }
        let heading = [
            "PATH", "WHERE", "STATE", "FOR", "SUBFLOWS", "DOWNLOAD", "UPLOAD", "RTT", "MIN", "LOSS", "CAP", "USED AS",
            "",
        ]
        return table([heading] + report.paths.map(row))
    }

    private static func row(_ path: PathsReport.Path) -> [String] {
        let milliseconds = { (time: Double?) in time.map { "\(Double(Int($0 / 100)) / 10)ms" } ?? "-" }
        let uses = path.uses.map { use in
            let limit = use.downloadLimit.map { " (\(rate($0)) down)" } ?? ""
            return "\(use.rule): \(use.use)\(limit)"
        }
        let cap = path.cap.map { "\(bytes($0.used)) of \(bytes($0.bytes)) this \($0.period)" }
        let clientCap = path.clientCap.map { cap in
            "\(cap.spent) of \(cap.clients) clients have used up \(bytes(cap.bytes)) this \(cap.period)"
        }
        return [
            path.name, path.interface ?? path.clients.joined(separator: ","), path.state,
            duration(microseconds: path.stateForUs), "\(path.activeSubflows)/\(path.subflows)",
            load(path.download), load(path.upload), milliseconds(path.rttUs), milliseconds(path.minRttUs),
            "\(Double(Int(path.loss * 1000)) / 10)%", [cap, clientCap].compactMap(\.self).joined(separator: "; "),
            uses.joined(separator: "; "), path.reason ?? "",
        ]
    }

    /// `84mbit/90mbit`: what is carried, and what can be.
    private static func load(_ direction: PathsReport.Direction) -> String {
        rate(direction.rate) + "/" + (direction.capacity.map(rate) ?? "?")
    }

    private static func decisions(_ report: PathsReport) -> String {
        guard !report.decisions.isEmpty else { return "nothing has been decided yet" }
        return table(
            [["TIME", "RULE", "PATH", "EFFECT", "WHY"]]
                + report.decisions.map { decision in
                    [
                        Date(timeIntervalSince1970: decision.time).formatted(
                            .iso8601.year().month().day().dateTimeSeparator(.space).time(
                                includingFractionalSeconds: true)), decision.rule, decision.path,
                        decision.effect, decision.reason,
                    ]
                })
    }
}
