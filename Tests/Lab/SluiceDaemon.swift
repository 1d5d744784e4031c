import Glibc
import Synchronization

/// `sluice run` in the box of a lab.
public struct SluiceDaemon: Sendable {
    public let process: ChildProcess
    public let configurationPath: String
    /// The control socket.
    public let controlPath: String
    private let lab: Lab
    private let node: Lab.Node
    public let program: String
    private let successor = Successor()

    fileprivate init(_ lab: Lab, in node: Lab.Node, configuration: String, arguments: [String], through: [String])
        throws
    {
        let file = try lab.scratchFile("sluice")
        self.lab = lab
        self.node = node
        program = try Lab.programBeside("sluice")
        configurationPath = "\(file).toml"
        controlPath = "\(file).sock"
        try writeFile(configurationPath, configuration)
        process = try lab.spawn(
            in: node, through + [program, "run", "--config", configurationPath, "--control", controlPath] + arguments)
    }

    /// Runs another `sluice` subcommand against this daemon, e.g. `command("connections", "--json")`.
    public func command(_ arguments: String..., within limit: Duration = .seconds(10)) async throws -> CommandResult {
        try await command(arguments, within: limit)
    }

    public func command(_ arguments: [String], within limit: Duration = .seconds(10)) async throws -> CommandResult {
        try await lab.run(in: node, [program] + arguments + ["--control", controlPath], within: limit)
    }

    /// Its process: that of the program which has taken over last, if one has.
    public var pid: pid_t { successor.pid ?? process.pid }

    /// `sluice upgrade`, perhaps to another program. When that has taken over, it is this daemon from then on; what it logs is in
    /// `process.errors`, too.
    public func upgrade(to program: String? = nil, within limit: Duration = .seconds(60)) async throws -> CommandResult
    {
        let result = try await command(["upgrade"] + (program.map { ["--program", $0] } ?? []), within: limit)
        guard result.status.isSuccess else { return result }
        guard let pid = result.output.split(separator: " ").compactMap({ pid_t($0) }).first else {
            throw LabError.notFound("no process ID in: \(result.output)")
        }
        try goesOn(as: pid)
        return result
    }

    /// This process has taken over, and ends with the lab.
    public func goesOn(as pid: pid_t) throws {
        try lab.note(successor: pid)
        successor.pid = pid
    }

    /// Ends the process that has taken over, by SIGTERM, and returns when it has ended.
    public func stopSuccessor(within limit: Duration = .seconds(30)) async throws {
        let pid = pid
        _ = Glibc.kill(pid, SIGTERM)
        try await lab.wait(for: "process \(pid) to end", within: limit) { !Successor.runs(pid) }
    }

    /// SIGTERM, and its exit status.
    @discardableResult
    public func stop(within limit: Duration = .seconds(30)) async throws -> ChildProcess.Status {
        process.signal(SIGTERM)
        return try await process.wait(within: limit)
    }

    /// SIGKILL: it has no chance to remove its rules.
    public func kill() async throws {
        process.signal(SIGKILL)
        try await process.wait(within: .seconds(10))
    }

    fileprivate func awaitReady(within limit: Duration) async throws {
        try await lab.wait(for: "sluice run to be ready", within: limit) {
            if let status = process.status {
                throw LabError.command(process.command, status, errors: process.output + process.errors)
            }
            // It answers a moment before its rules are in, with another state.
            let report = try await command("status", "--json").output
            return report.filter { !$0.isWhitespace }.contains("\"state\":\"running\"")
        }
    }
}

/// A process that isn't this one's child: of it is known whether it runs, and no exit status.
final class Successor: Sendable {
    private let state = Mutex<pid_t?>(nil)

    var pid: pid_t? {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }

    /// What has ended may be there until somebody asks for its status.
    static func runs(_ pid: pid_t) -> Bool {
        guard let text = try? readFile("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return false }
        return text[end...].dropFirst(2).first != "Z"
    }
}

extension Lab {
    /// It ends with the lab.
    func note(successor pid: pid_t) throws(LabError) {
        try state.withLock { state throws(LabError) in
            guard !state.isTornDown else {
                kill(pid, SIGKILL)
                throw .tornDown
            }
            state.successors.append(pid)
        }
    }

    /// Runs Sluice in the box, or another node, and returns when it answers on its control socket; when it ends before that, the error
    /// has what it wrote. `configuration` is the file's text; nil stands for `sluiceDefaults`. `through`: a command that becomes
    /// the daemon, such as `env NAME=value`.
    @discardableResult
    public func startSluice(
        in node: Node = .box, configuration: String? = nil, arguments: [String] = [], through: [String] = [],
        within limit: Duration = .seconds(20)
    ) async throws -> SluiceDaemon {
        let daemon = try SluiceDaemon(
            self, in: node, configuration: configuration ?? sluiceDefaults, arguments: arguments, through: through)
        try await daemon.awaitReady(within: limit)
        return daemon
    }

    /// A program of this package: it lies where the running program, or the test bundle, lies.
    public static func programBeside(_ name: String) throws(LabError) -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = max(readlink("/proc/self/exe", &buffer, buffer.count), 0)
        let running = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = running.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/\(name)"
        guard access(path, X_OK) == 0 else { throw .notFound("no program \(path): build the package first") }
        return path
    }
}
