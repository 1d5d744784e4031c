import Glibc

/// `sluice run` in the box of a lab.
public struct SluiceDaemon: Sendable {
    public let process: ChildProcess
    public let configurationPath: String
    /// The control socket.
    public let controlPath: String
    private let lab: Lab
    private let program: String

    fileprivate init(_ lab: Lab, configuration: String, arguments: [String], through: [String]) throws {
        let file = try lab.scratchFile("sluice")
        self.lab = lab
        program = try Lab.programBeside("sluice")
        configurationPath = "\(file).toml"
        controlPath = "\(file).sock"
        try writeFile(configurationPath, configuration)
        process = try lab.spawn(
            in: .box, through + [program, "run", "--config", configurationPath, "--control", controlPath] + arguments)
    }

    /// Runs another `sluice` subcommand against this daemon, e.g. `command("connections", "--json")`.
    public func command(_ arguments: String..., within limit: Duration = .seconds(10)) async throws -> CommandResult {
        try await command(arguments, within: limit)
    }

    public func command(_ arguments: [String], within limit: Duration = .seconds(10)) async throws -> CommandResult {
        try await lab.run(in: .box, [program] + arguments + ["--control", controlPath], within: limit)
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

extension Lab {
    /// Runs Sluice in the box and returns when it answers on its control socket; when it ends before that, the error
    /// has what it wrote. `configuration` is the file's text; nil stands for `sluiceDefaults`. `through`: a command that becomes
    /// the daemon, such as `env NAME=value`.
    @discardableResult
    public func startSluice(
        configuration: String? = nil, arguments: [String] = [], through: [String] = [],
        within limit: Duration = .seconds(20)
    ) async throws -> SluiceDaemon {
        let daemon = try SluiceDaemon(
            self, configuration: configuration ?? sluiceDefaults, arguments: arguments, through: through)
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
