import Glibc

/// What a process has used until now (proc(5)).
public struct ProcessUsage: Sendable {
    /// Processor time, user and system, of all its threads.
    public let seconds: Double
    /// Resident memory.
    public let residentBytes: UInt64
    /// How often any of the threads that it has now has left a processor, of its own will or not.
    public let contextSwitches: UInt64

    /// nil when there is no such process.
    public init?(of pid: pid_t) {
        guard let stat = try? readFile("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")"),
            let status = try? readFile("/proc/\(pid)/status")
        else { return nil }
        // The fields behind the name, from the third of stat(5) on.
        let fields = stat[end...].split(separator: " ").dropFirst()
        guard fields.count > 12, let user = Double(fields[fields.startIndex + 11]),
            let system = Double(fields[fields.startIndex + 12])
        else { return nil }
        seconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        residentBytes = line.flatMap { UInt64($0.split(separator: " ").dropFirst().first ?? "") }.map { $0 << 10 } ?? 0
        contextSwitches = directoryEntries("/proc/\(pid)/task").reduce(0) { sum, thread in
            sum + Self.contextSwitches((try? readFile("/proc/\(pid)/task/\(thread)/status")) ?? "")
        }
    }

    /// The sum of the two lines of a thread's status, `voluntary_ctxt_switches:` and `nonvoluntary_ctxt_switches:`.
    private static func contextSwitches(_ status: String) -> UInt64 {
        status.split(separator: "\n").filter { $0.contains("voluntary_ctxt_switches:") }.reduce(0) { sum, line in
            sum + (line.split(separator: "\t").last.flatMap { UInt64($0) } ?? 0)
        }
    }

    /// Processor time that the whole machine has spent on anything, interrupts included, until now.
    public static var machineSeconds: Double {
        let line = (try? readFile("/proc/stat"))?.split(separator: "\n").first ?? ""
        let ticks = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard ticks.count >= 8 else { return 0 }
        // Without idle (3) and iowait (4).
        return (ticks[0...2].reduce(0, +) + ticks[5...7].reduce(0, +)) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Pages of memory that the TCP sockets of the whole machine hold now, whatever their namespace (sockstat's `mem`).
    public static var tcpMemoryPages: UInt64 {
        let lines = ((try? readFile("/proc/thread-self/net/sockstat")) ?? "").split(separator: "\n")
        let fields = lines.first { $0.hasPrefix("TCP:") }?.split(separator: " ") ?? []
        guard let name = fields.firstIndex(of: "mem"), name + 1 < fields.count else { return 0 }
        return UInt64(fields[name + 1]) ?? 0
    }
}
