import Glibc

/// What a process has used until now (proc(5)).
public struct ProcessUsage: Sendable {
    /// Processor time, user and system, of all its threads.
    public let seconds: Double
    /// Resident memory.
    public let residentBytes: UInt64

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
    }

    /// Processor time that the whole machine has spent on anything, interrupts included, until now.
    public static var machineSeconds: Double {
        let line = (try? readFile("/proc/stat"))?.split(separator: "\n").first ?? ""
        let ticks = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard ticks.count >= 8 else { return 0 }
        // Without idle (3) and iowait (4).
        return (ticks[0...2].reduce(0, +) + ticks[5...7].reduce(0, +)) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
