import Glibc
import LinuxSystem
import Synchronization

// Programs and threads inside the lab.

/// What a program that has ended left.
public struct CommandResult: Sendable {
    public let status: ChildProcess.Status
    public let output: String
    public let errors: String
}

extension Lab {
    /// Starts a program in a node; `command[0]` is looked up in PATH. It is killed with the lab at the latest.
    ///
    /// It runs under `ip netns exec`, which execs: the pid is the program's own. A program that doesn't exist fails
    /// with a word on standard error.
    public func spawn(
        in node: Node, _ command: [String], environment: [String: String] = [:]
    ) throws -> ChildProcess {
        try start(["ip", "netns", "exec", namespace(node).name] + command, environment, called: command[0])
    }

    /// Runs a program to its end; kills it and throws `LabError.timedOut` when that doesn't come within `limit`.
    @discardableResult
    public func run(
        in node: Node, _ command: [String], environment: [String: String] = [:], within limit: Duration = .seconds(60)
    ) async throws -> CommandResult {
        let process = try spawn(in: node, command, environment: environment)
        do {
            let status = try await process.wait(within: limit)
            return CommandResult(status: status, output: process.output, errors: process.errors)
        } catch {
            process.signal(SIGKILL)
            throw error
        }
    }

    /// Runs blocking code on a thread of its own inside a node; sockets made there belong to the node.
    ///
    /// The thread that resumes the caller is another one, outside: where that makes Swift's pool start a thread, the new one
    /// inherits the namespace of its maker.
    public func inside<Value: Sendable>(
        _ node: Node, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        let namespace = namespace(node)
        return try await onThread(named: "in \(node)") { try namespace.run(body) }
    }

    /// Runs a command of the lab's own on the calling thread; throws unless it succeeds.
    @discardableResult
    func runNow(_ command: [String]) throws -> String {
        let process = try start(command, [:], called: command[0])
        let status = process.reap()
        guard status.isSuccess else { throw LabError.command(command, status, errors: process.errors) }
        return process.output
    }

    /// The same inside a node.
    func runNow(in node: Node, _ command: [String]) throws {
        try runNow(["ip", "netns", "exec", namespace(node).name] + command)
    }

    /// A path in the lab's directory that nothing else uses.
    func scratchFile(_ kind: String) throws(LabError) -> String {
        try state.withLock { state throws(LabError) in
            guard !state.isTornDown else { throw .tornDown }
            state.files += 1
            return "\(directory)/\(state.files)-\(kind)"
        }
    }

    /// The lock makes sure that nothing starts behind the teardown's back.
    private func start(
        _ command: [String], _ environment: [String: String], called: String
    ) throws -> ChildProcess {
        let file = try scratchFile(called.split(separator: "/").last.map(String.init) ?? called)
        return try state.withLock { state in
            guard !state.isTornDown else { throw LabError.tornDown }
            let process = try ChildProcess(command, environment: environment, file: file)
            state.children.append(process)
            return process
        }
    }
}
