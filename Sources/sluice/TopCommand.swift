import Admin
import ArgumentParser
import Foundation

struct Top: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Which links and clients carry how much just now, the busiest first.",
        discussion: """
            Of connections that are converted, and of those that go end to end if the daemon looks at them. Rates are between \
            two looks a second apart. The first of each client's links carries the most of it.
            """)

    @Flag(name: .long, help: "Print once, of one second, and end.")
    var once = false
    @Option(name: .long, help: "So many clients at most.")
    var clients = 20
    @OptionGroup var output: JSONOption
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func validate() throws {
        if clients < 1 { throw ValidationError("--clients: give at least 1") }
    }

    func run() async throws {
        let client = control.client(parent.control)
        var before = try await look(client)
        repeat {
            try await Task.sleep(for: .seconds(1))
            let now = try await look(client)
            let seconds = (now.time - before.time) / .seconds(1)
            try print(TopReport(from: before.connections, to: now.connections, seconds: seconds))
            before = now
        } while !once
    }

    private func look(
        _ client: ControlClient
    ) async throws -> (connections: [ConnectionReport], time: ContinuousClock.Instant) {
        let connections = try await asking { () throws(ControlError) in try await client.connections() }
        return (connections, .now)
    }

    private func print(_ report: TopReport) throws {
        if output.json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            FileHandle.standardOutput.write(try encoder.encode(report) + Data("\n".utf8))
        } else {
            let clear = !once && isatty(STDOUT_FILENO) == 1 ? "\u{1b}[H\u{1b}[2J" : ""
            FileHandle.standardOutput.write(Data((clear + report.text(clients: clients) + "\n").utf8))
        }
    }
}

extension TopReport {
    /// `clients`: how many are listed at most.
    func text(clients limit: Int) -> String {
        guard connections > 0 else { return "no connections" }
        let links = table(
            [["LINK", "DOWNLOAD", "UPLOAD", "SUBFLOWS"]]
                + self.links.map { [$0.name, rate($0.download), rate($0.upload), "\($0.subflows)"] })
        let rows = clients.prefix(limit).map { client in
            [
                client.address, rate(client.download), rate(client.upload), "\(client.connections)",
                "\(client.subflows)", client.links.map { $0.share(of: client) }.joined(separator: "  "),
            ]
        }
        let more = clients.count > limit ? "\nand \(clients.count - limit) more clients" : ""
        let list = table([["CLIENT", "DOWNLOAD", "UPLOAD", "CONNECTIONS", "SUBFLOWS", "BY"]] + rows)
        return links + "\n\n" + list + more
    }

    private func rate(_ bits: Double) -> String { sluice.rate(UInt64(bits)) }
}

extension TopReport.Link {
    fileprivate var name: String { interface ?? "-" }

    /// `lan0 72%`
    fileprivate func share(of client: TopReport.Client) -> String {
        let all = client.download + client.upload
        return all > 0 ? "\(name) \(Int(((download + upload) / all * 100).rounded()))%" : name
    }
}
