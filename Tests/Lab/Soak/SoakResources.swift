import Glibc

/// What a soak may leave behind, at one moment.
public struct SoakResources: Sendable, Encodable {
    /// The daemon's; nil without one.
    public var residentBytes: UInt64?
    public var descriptors: Int?
    /// Entries of the box's connection tracking.
    public var conntrack: Int
    /// Memory of all TCP sockets of the machine, in bytes (`mem` of /proc/net/sockstat).
    public var tcpMemory: UInt64
    /// TCP sockets of the machine's namespaces that no process has any more.
    public var orphans: Int

    init(_ lab: Lab, _ daemon: SluiceDaemon?) throws {
        if let daemon {
            residentBytes = ProcessUsage(of: daemon.process.pid)?.residentBytes
            descriptors = directoryEntries("/proc/\(daemon.process.pid)/fd").count
        }
        conntrack = try lab.conntrackCount(in: .box)
        // mem and orphan count for all namespaces together.
        let line = try readFile("/proc/net/sockstat").split(separator: "\n").first { $0.hasPrefix("TCP:") } ?? ""
        let fields = line.split(separator: " ")
        let value = { (name: String) in
            fields.firstIndex(of: Substring(name)).flatMap { UInt64(fields[$0 + 1]) } ?? 0
        }
        tcpMemory = value("mem") * UInt64(sysconf(Int32(_SC_PAGESIZE)))
        orphans = Int(value("orphan"))
    }
}
