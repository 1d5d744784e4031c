import Glibc
import SystemPackage

/// A program that this process has started in its own place: with the same environment, directory, output and rights.
public struct ProgramStart: Sendable {
    public let pid: pid_t

    /// Starts `path` with one descriptor besides the usual three, under the number `Self.channel`.
    ///
    /// - Throws: `SystemError` when it can't be executed.
    public init(_ path: String, arguments: [String], channel: Int32) throws(SystemError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Onto itself, dup2 would leave it close-on-exec; glibc takes that away (posix_spawn_file_actions_adddup2(3)).
        posix_spawn_file_actions_adddup2(&actions, channel, Self.channel)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var usual = sigset_t()
        sigemptyset(&usual)
        sigaddset(&usual, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &usual)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        let surroundings = Self.environment()
        defer { for word in surroundings { free(word) } }
        var pid = pid_t()
        let code = posix_spawn(&pid, path, &actions, &attributes, words, surroundings)
        guard code == 0 else { throw SystemError("start \(path)", Errno(rawValue: code)) }
        self.pid = pid
    }

    /// This process's own, but for what says that it alone is meant: the service manager watches the one in its place
    /// (sd_watchdog_enabled(3)).
    private static func environment() -> [UnsafeMutablePointer<CChar>?] {
        let own = "WATCHDOG_PID=\(getpid())"
        var all: [UnsafeMutablePointer<CChar>?] = []
        var next = environ
        while let variable = next.pointee {
            if strcmp(variable, own) != 0 { all.append(strdup(variable)) }
            next += 1
        }
        return all + [nil]
    }

    /// The number by which the program knows the channel.
    public static let channel: Int32 = 3

    /// Ends it, and waits until it has ended. Returns how it had ended by itself before; nil if it hadn't.
    @discardableResult
    public func end() -> String? {
        // What closes its channel has often not quite ended.
        if let how = ended(within: .milliseconds(100)) { return how }
        kill(pid, SIGKILL)
        _ = reap(options: 0)
        return nil
    }

    /// Returns how it has ended by itself; nil: it runs after that time, too.
    public func ended(within time: Duration) -> String? {
        let deadline = MonotonicTime.now + time
        repeat {
            if let status = reap(options: WNOHANG) {
                let signal = status & 0x7f
                return signal == 0 ? "exit code \(status >> 8 & 0xff)" : "killed by signal \(signal)"
            }
            usleep(5000)
        } while MonotonicTime.now < deadline
        return nil
    }

    private func reap(options: Int32) -> Int32? {
        var status: Int32 = 0
        guard case .success(pid) = systemCallResult({ waitpid(pid, &status, options) }) else { return nil }
        return status
    }

    /// Is the file of this name another one than this process runs? Not while there is none.
    public static func isReplaced(_ path: String) -> Bool { access(path, F_OK) == 0 && !isOwn(path) }

    private static func isOwn(_ path: String) -> Bool {
        var (own, file) = (stat(), stat())
        guard stat("/proc/self/exe", &own) == 0, stat(path, &file) == 0 else { return false }
        return own.st_dev == file.st_dev && own.st_ino == file.st_ino
    }

    /// How this process was started: the file, as it was named then, and the words behind it.
    ///
    /// A symbolic link is kept as such: whoever points it to another file means that one.
    public static func own() throws(SystemError) -> (path: String, arguments: [String]) {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let name = CommandLine.arguments.first, name.hasPrefix("/"), isOwn(name) { return (name, arguments) }
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = try systemCall("readlink /proc/self/exe") { readlink("/proc/self/exe", &buffer, buffer.count) }
        let path = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (path, arguments)
    }
}
