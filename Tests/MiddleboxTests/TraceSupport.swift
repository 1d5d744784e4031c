import Admin
import Foundation
import Lab
import LinuxSystem
import Testing

/// `sluice trace` in the box of a lab.
struct LiveTrace {
    let process: ChildProcess
    private let lab: Lab

    fileprivate init(_ lab: Lab, _ process: ChildProcess) {
        self.lab = lab
        self.process = process
    }

    var lines: [Substring] { process.output.split(separator: "\n") }

    /// Each line of JSON as an object.
    var objects: [[String: Any]] {
        get throws {
            try lines.map { line in
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
            }
        }
    }

    /// Interrupts it, and returns what it says at its end.
    func end() async throws -> Totals {
        process.signal(SIGINT)
        let status = try await process.wait(within: .seconds(20))
        guard status.isSuccess, let totals = Totals(process.errors) else {
            throw Unexpected("\(status): \(process.errors)")
        }
        return totals
    }

    /// `N packets, N records written, N dropped`
    struct Totals {
        let matched: Int
        let written: Int
        let dropped: Int

        init?(_ text: String) {
            guard let line = text.split(separator: "\n").last else { return nil }
            let numbers = line.split { !$0.isNumber }.compactMap { Int($0) }
            guard numbers.count == 3, line.contains("records written") else { return nil }
            (matched, written, dropped) = (numbers[0], numbers[1], numbers[2])
        }
    }
}

extension Lab {
    /// Returns once the daemon knows of it.
    func trace(_ daemon: SluiceDaemon, _ arguments: String...) async throws -> LiveTrace {
        let running = try await daemon.traces().count
        let program = try Lab.programBeside("sluice")
        let process = try spawn(
            in: .box, [program, "trace", "--control", daemon.controlPath] + arguments)
        try await wait(for: "the trace to begin") {
            if let status = process.status { throw Unexpected("\(status): \(process.errors)") }
            return try await daemon.traces().count > running
        }
        return LiveTrace(self, process)
    }

    /// What tshark, or another reader of captures, prints.
    func reading(_ command: [String]) async throws -> String {
        let result = try await run(in: .box, command, within: .seconds(60))
        guard result.status.isSuccess else { throw Unexpected("\(command): \(result.errors)") }
        return result.output
    }
}

extension SluiceDaemon {
    func traces() async throws -> [TraceReport] {
        let result = try await command("trace", "--list", "--json")
        guard result.status.isSuccess else { throw Unexpected(result.errors) }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([TraceReport].self, from: Data(result.output.utf8))
    }

    func decisions(_ client: String) async throws -> [DecisionsReport.Decision] {
        let result = try await command("trace", "--explain", client, "--json")
        guard result.status.isSuccess else { throw Unexpected(result.errors) }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(DecisionsReport.self, from: Data(result.output.utf8)).decisions
    }
}
