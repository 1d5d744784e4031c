import LinuxSystem

// What the kernel counts inside a node. /proc/thread-self, because /proc/self is the main thread and its namespace.

extension Lab {
    /// Bytes and packets that an interface has carried since it was made.
    public struct InterfaceCounters: Hashable, Sendable {
        public let receivedBytes: UInt64
        public let receivedPackets: UInt64
        public let sentBytes: UInt64
        public let sentPackets: UInt64
    }

    /// The node's counters by the names that `nstat -asz` gives them, e.g. `MPTcpExtMPCapableSYNRX`; those that the
    /// kernel doesn't have are absent.
    public func counters(in node: Node) throws -> [String: UInt64] {
        try namespace(node).run {
            var counters: [String: UInt64] = [:]
            for file in ["snmp", "netstat"] {
                let lines = try readFile("/proc/thread-self/net/\(file)").split(separator: "\n")
                for index in stride(from: 0, to: lines.count - 1, by: 2) {
                    let names = lines[index].split(separator: " ")
                    let values = lines[index + 1].split(separator: " ")
                    let group = names[0].dropLast()
                    for (name, value) in zip(names, values).dropFirst() { counters["\(group)\(name)"] = UInt64(value) }
                }
            }
            for line in try readFile("/proc/thread-self/net/snmp6").split(separator: "\n") {
                let fields = line.split { $0 == " " || $0 == "\t" }
                counters[String(fields[0])] = UInt64(fields[1])
            }
            return counters
        }
    }

    /// The node's interfaces by name.
    public func interfaces(in node: Node) throws -> [String: InterfaceCounters] {
        try namespace(node).run {
            let lines = try readFile("/proc/thread-self/net/dev").split(separator: "\n").dropFirst(2)
            return lines.reduce(into: [:]) { result, line in
                let fields = line.split { $0 == " " || $0 == ":" }
                let values = fields.dropFirst().map { UInt64($0) ?? 0 }
                result[String(fields[0])] = InterfaceCounters(
                    receivedBytes: values[0], receivedPackets: values[1], sentBytes: values[8], sentPackets: values[9])
            }
        }
    }

    /// Entries of the node's connection tracking.
    public func conntrackCount(in node: Node = .box) throws -> Int {
        try namespace(node).run {
            let text = try readFile("/proc/sys/net/netfilter/nf_conntrack_count")
            return text.split(separator: "\n").first.flatMap { Int($0) } ?? 0
        }
    }

    /// Has the node's connection tracking no room left, so that the kernel drops what is new?
    public func isTrackingFull(in node: Node = .box) throws -> Bool {
        try namespace(node).run {
            let numbers = ["count", "max"].map { try? Sysctl.read("net.netfilter.nf_conntrack_\($0)") }
            guard let count = numbers[0].flatMap({ Int($0) }), let limit = numbers[1].flatMap({ Int($0) }) else {
                return false
            }
            return count >= limit
        }
    }

    /// Does a TCP or MPTCP socket listen on this port, on any address?
    public func isListening(in node: Node, port: UInt16) throws -> Bool {
        try namespace(node).run {
            let suffix = ":" + String(UInt32(port) + 0x10000, radix: 16, uppercase: true).dropFirst()
            for file in ["tcp", "tcp6"] {
                for line in try readFile("/proc/thread-self/net/\(file)").split(separator: "\n").dropFirst() {
                    let fields = line.split(separator: " ")
                    if fields[1].hasSuffix(suffix), fields[3] == "0A" { return true }
                }
            }
            return false
        }
    }

    /// The lines that `ss` prints, without its header.
    public func sockets(in node: Node, _ options: [String]) async throws -> [String] {
        try await run(in: node, ["ss", "-Hn"] + options).output.split(separator: "\n").map(String.init)
    }

    /// Asks again and again, until the answer is yes; throws `LabError.timedOut` when that doesn't come within `limit`.
    public func wait(
        for what: String, within limit: Duration = .seconds(10), isolation: isolated (any Actor)? = #isolation,
        _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + limit
        while try await !condition() {
            guard ContinuousClock.now < deadline else { throw LabError.timedOut(what, limit) }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
