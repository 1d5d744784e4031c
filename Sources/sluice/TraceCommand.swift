import Admin
import ArgumentParser
import Foundation
import Glibc
import LinuxSystem

struct TracePackets: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Packets as the running daemon decides about them, live; or why a client's were not converted.",
        discussion: """
            Prints a line a packet until interrupted, and then how many there were. What standard output is too slow for \
            is dropped, and counted. Between them stands what the steering rules decide. docs/trace-filter.md has the filter's words.

              sluice trace --filter 'client 10.1.0.0/16 and port 443 and not dss'
              sluice trace --write /tmp/trace.pcapng
              sluice trace --filter steering
              sluice trace --write - | wireshark -k -i -
              sluice trace --explain 10.1.0.2
            """)

    @Option(name: .long, help: "Packets that this holds for, such as 'client 10.1.0.0/16 and not dss'.")
    var filter = ""
    @Flag(name: .long, help: "Packets that could not be read, in whole or in part.")
    var onlyErrors = false
    @Option(name: .long, help: "Write pcapng (with --json, JSON lines) to a file instead; - is standard output.")
    var write: String?
    @Option(
        name: .long,
        help: "Why this client's last connections were converted, or not: ADDRESS, ADDRESS:PORT, a prefix, or all.")
    var explain: String?
    @Flag(name: .long, help: "The traces that are running.")
    var list = false
    @OptionGroup var output: JSONOption
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func validate() throws {
        let isQuestion = explain != nil || list
        if isQuestion, write != nil || onlyErrors || !filter.isEmpty {
            throw ValidationError("--explain and --list go with --json alone")
        }
        if explain != nil, list { throw ValidationError("either --explain or --list") }
    }

    func run() async throws {
        let client = control.client(parent.control)
        if let explain { return try await printDecisions(client, explain == "all" ? "" : explain) }
        if list { return try await printTraces(client) }
        try await trace(client)
    }

    // MARK: - Live

    private func trace(_ client: ControlClient) async throws {
        let sink = try LiveOutput(path: write, dropsEmptyLines: format != "pcapng")
        let number = TraceNumber()
        // The first signal ends the trace in order: its last blocks come, and its totals. A later one doesn't wait.
        try Signals.handle([SIGINT, SIGTERM]) { signal in
            switch number.end() {
            case .now(let id): Task { number.totals = try? await client.closeTrace(id) }
            case .notBegun, .longAgo: Glibc.exit(128 + signal)
            case .justNow: break
            }
        }
        let watching = Task { await watchDrops(client, number) }
        defer { watching.cancel() }
        do {
            try await client.trace(filter: expression, format: format, began: { number.begin($0) }) { bytes in
                try sink.write(bytes)
            }
        } catch let error as SystemError {
            printError(error)
            throw Sluice.Failure.atRunTime
        } catch let error as ControlError {
            printError(error)
            throw Sluice.Failure.atRunTime
        } catch {
            printError("the daemon has ended, and the trace with it")
            throw Sluice.Failure.atRunTime
        }
        try await report(number)
    }

    private var format: String { output.json ? "json" : write == nil ? "text" : "pcapng" }

    private var expression: String {
        guard onlyErrors else { return filter }
        return filter.allSatisfy(\.isWhitespace) ? "error" : "error and (\(filter))"
    }

    /// Says on standard error that records were dropped, once a second while it goes on.
    private func watchDrops(_ client: ControlClient, _ number: TraceNumber) async {
        var known: UInt64 = 0
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            guard let id = number.id, let traces = try? await client.traces(),
                let dropped = traces.first(where: { $0.id == id })?.dropped, dropped > known
            else { continue }
            printError("\(dropped) records dropped so far: they come faster than they are taken")
            known = dropped
        }
    }

    private func report(_ number: TraceNumber) async throws {
        guard number.isEnded else {
            printError("the daemon has ended the trace")
            throw Sluice.Failure.atRunTime
        }
        // The answer to the request that ended it may still be on its way.
        for _ in 0..<100 where number.totals == nil { try? await Task.sleep(for: .milliseconds(10)) }
        guard let totals = number.totals else { return }
        if totals.events + totals.eventsDropped > 0 {
            printError("\(totals.events) steering events, \(totals.eventsDropped) dropped")
        }
        printError("\(totals.matched) packets, \(totals.written) records written, \(totals.dropped) dropped")
    }

    // MARK: - Questions

    private func printTraces(_ client: ControlClient) async throws {
        if output.json {
            let body = try await asking { () throws(ControlError) in try await client.get("/v1/traces") }
            return FileHandle.standardOutput.write(body)
        }
        let traces = try await asking { () throws(ControlError) in try await client.traces() }
        let rows = traces.map {
            ["\($0.id)", $0.kind, "\($0.matched)", "\($0.written)", "\($0.dropped)", "\($0.events)"]
        }
        print(table([["TRACE", "KIND", "PACKETS", "WRITTEN", "DROPPED", "EVENTS"]] + rows))
    }

    private func printDecisions(_ client: ControlClient, _ question: String) async throws {
        if output.json {
            let target = ControlClient.decisionsTarget(question)
            let body = try await asking { () throws(ControlError) in try await client.get(target) }
            return FileHandle.standardOutput.write(body)
        }
        let report = try await asking { () throws(ControlError) in try await client.decisions(of: question) }
        print(report.decisions.isEmpty ? Self.nothing(report) : report.decisions.map(Self.text).joined(separator: "\n"))
        guard !report.steering.isEmpty else { return }
        print("of late, about the paths (`sluice paths --why` has more):")
        for decision in report.steering {
            print(
                "    \(Self.time(decision.time)) \(decision.rule): \(decision.path) \(decision.effect): \(decision.reason)"
            )
        }
    }

    private static func time(_ seconds: Double) -> String {
        Date(timeIntervalSince1970: seconds).formatted(
            .iso8601.year().month().day().dateTimeSeparator(.space).time(includingFractionalSeconds: true))
    }

    private static func text(_ decision: DecisionsReport.Decision) -> String {
        let time = time(decision.time)
        let kind = decision.token.map { "MP_JOIN \($0)" } ?? "MP_CAPABLE"
        let held = decision.heldUs.map { ", held \(Int($0.rounded())) us" } ?? ""
        let state = decision.state.map { "\n    now: \($0)" } ?? ""
        return """
            \(time) \(decision.interface ?? "-") \(decision.client) > \(decision.server) \(kind)
                \(decision.verdict): \(decision.reason)\(held)
                \(decision.explanation)\(state)
            """
    }

    private static func nothing(_ report: DecisionsReport) -> String {
        """
        no SYN of it with an MPTCP option is among the last \(report.remembered) that Sluice has decided about; then either
          - the client doesn't speak MPTCP to that server: plain TCP isn't handed to Sluice,
          - the router's own rules dropped or rejected it in FORWARD, or it came by another router,
          - it was an address of the router itself, or a forwarded port (DNAT), or
          - it was longer ago.
        """
    }
}
