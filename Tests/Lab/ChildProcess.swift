import Glibc
import LinuxSystem
import Synchronization
import SystemPackage

/// A program that the lab started. What it writes goes to files, so that it can be read at any time and never blocks
/// the program.
public final class ChildProcess: Sendable {
    public enum Status: Hashable, Sendable, CustomStringConvertible {
        case exited(Int32)
        case signalled(Int32)

        public var isSuccess: Bool { self == .exited(0) }

        public var description: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .signalled(let signal): "killed by signal \(signal)"
            }
        }
    }

    public let command: [String]
    public let pid: pid_t
    private let outputPath: String
    private let errorPath: String
    private let ended = Mutex<Status?>(nil)

    /// Starts `command` with standard output and standard error in `file`.out and `file`.err; it gets no input, no
    /// blocked signals and a process group of its own, so that Ctrl-C reaches the lab first.
    ///
    /// `Lab.spawn` does this inside a node and ends the program with the lab; outside, that is the caller's part.
    public init(_ command: [String], environment: [String: String] = [:], file: String) throws(SystemError) {
        self.command = command
        outputPath = "\(file).out"
        errorPath = "\(file).err"
        pid = try Spawn(command, environment, output: outputPath, errors: errorPath).pid
    }

    /// All that it has written to standard output until now.
    public var output: String { (try? readFile(outputPath)) ?? "" }
    /// All that it has written to standard error until now.
    public var errors: String { (try? readFile(errorPath)) ?? "" }

    /// nil while it runs.
    public var status: Status? {
        ended.withLock { ended in
            if ended == nil { ended = Self.reap(pid, options: WNOHANG) }
            return ended
        }
    }

    /// Sends a signal, unless it has ended.
    public func signal(_ number: Int32) {
        ended.withLock { if $0 == nil { _ = kill(pid, number) } }
    }

    /// Waits for its end; throws `LabError.timedOut`, and lets it run on, when that doesn't come within `limit`.
    @discardableResult
    public func wait(within limit: Duration = .seconds(60)) async throws -> Status {
        let deadline = ContinuousClock.now + limit
        while true {
            if let status { return status }
            guard ContinuousClock.now < deadline else {
                throw LabError.timedOut(command.joined(separator: " "), limit)
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Waits for its end on the calling thread, without a limit.
    @discardableResult
    func reap() -> Status {
        ended.withLock { ended in
            if ended == nil { ended = Self.reap(pid, options: 0) }
            return ended ?? .exited(-1)
        }
    }

    private static func reap(_ pid: pid_t, options: Int32) -> Status? {
        var word: Int32 = 0
        guard case .success(pid) = systemCallResult({ waitpid(pid, &word, options) }) else { return nil }
        let signal = word & 0x7f
        return signal == 0 ? .exited(word >> 8 & 0xff) : .signalled(signal)
    }
}

/// posix_spawn(3) with the attributes that a lab's process needs.
private struct Spawn {
    let pid: pid_t

    init(
        _ command: [String], _ additions: [String: String], output: String, errors: String
    ) throws(SystemError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))

        var arguments = command.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var variables = Self.environment(additions).map { strdup($0) } + [nil]
        defer { variables.forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, command[0], &actions, &attributes, &arguments, &variables)
        guard code == 0 else { throw SystemError("start \(command[0])", Errno(rawValue: code)) }
        self.pid = pid
    }

    /// Our own environment; a later entry of a name counts for nothing, so additions come first.
    private static func environment(_ additions: [String: String]) -> [String] {
        var result = additions.map { "\($0.key)=\($0.value)" }
        var entry = environ
        while let variable = entry.pointee {
            let text = String(cString: variable)
            if !additions.keys.contains(where: { text.hasPrefix("\($0)=") }) { result.append(text) }
            entry += 1
        }
        return result
    }
}
