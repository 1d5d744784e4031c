import Glibc

/// tcpdump in a node of a lab, writing a pcap file with nanoseconds.
public struct Recording: Sendable {
    public enum Detail: Sendable {
        /// Whole packets, each in the file as soon as it has passed.
        case whole
        /// The headers and the first bytes behind them, some 160 bytes a packet. tcpdump sleeps for a second, or until
        /// there is much to write, so that it takes little of the time of what is being measured.
        case heads
    }

    /// The file, in the lab's directory; complete once `stop` has returned.
    public let path: String
    public let process: ChildProcess
    private let lab: Lab

    fileprivate init(_ lab: Lab, _ node: Lab.Node, interface: String?, filter: String, _ detail: Detail) throws {
        self.lab = lab
        path = "\(try lab.scratchFile("capture")).pcap"
        process = try lab.spawn(
            in: node,
            ["tcpdump", "-n", "-w", path, "-B", "65536", "-Z", "root"] + detail.options
                + (interface?.hasPrefix("nflog:") == true ? [] : ["--time-stamp-precision=nano"])
                + (interface.map { ["-i", $0] } ?? ["-i", "any", "-y", "LINUX_SLL2"]) + [filter])
    }

    fileprivate func awaitStart() async throws {
        try await lab.wait(for: "tcpdump to listen") {
            if let status = process.status {
                throw LabError.command(process.command, status, errors: process.errors)
            }
            return process.errors.contains("listening on")
        }
    }

    /// Ends it when all that the kernel has captured until now is written, and returns the path.
    ///
    /// Throws `LabError.incompleteRecording` when packets were dropped for want of room: a recording with holes proves
    /// nothing.
    @discardableResult
    public func stop() async throws -> String {
        // SIGUSR1 makes it print its counts. The kernel counts more than tcpdump sees where libpcap takes away one of
        // the two copies of a packet on the loopback, so that they need not ever agree.
        try? await lab.wait(for: "tcpdump to write all", within: .seconds(2)) {
            let reports = process.errors.count(of: "dropped by kernel")
            process.signal(SIGUSR1)
            try await lab.wait(for: "tcpdump to report") {
                process.status != nil || process.errors.count(of: "dropped by kernel") > reports
            }
            return process.status != nil || counts.map { $0.captured >= $0.received } ?? false
        }
        process.signal(SIGTERM)
        let status = try await process.wait(within: .seconds(10))
        guard status.isSuccess, let counts else {
            throw LabError.command(process.command, status, errors: process.errors)
        }
        guard counts.dropped == 0 else { throw LabError.incompleteRecording(path, lost: counts.dropped) }
        return path
    }

    /// The last report: `N packets captured`, `N packets received by filter`, `N packets dropped by kernel`, in one
    /// line or three.
    private var counts: (captured: Int, received: Int, dropped: Int)? {
        let words = process.errors.split { $0.isWhitespace || $0 == "," }
        let last = { (verb: Substring) -> Int? in
            guard let place = words.lastIndex(of: verb), place >= 2 else { return nil }
            return Int(words[place - 2])
        }
        guard let captured = last("captured"), let received = last("received"), let dropped = last("dropped") else {
            return nil
        }
        return (captured, received, dropped)
    }
}

extension Recording.Detail {
    /// Of tcpdump. Immediate mode gives each packet a slot of the snapshot length: tcpdump's own 256 KiB and 2 MiB of
    /// buffer are eight packets. 66,000 bytes hold the largest GSO packet, 64 MiB hold some hundred of them.
    fileprivate var options: [String] {
        switch self {
        case .whole: ["-U", "--immediate-mode", "-s", "66000"]
        case .heads: ["-s", "160"]
        }
    }
}

extension String {
    fileprivate func count(of phrase: String) -> Int {
        split(separator: phrase, omittingEmptySubsequences: false).count - 1
    }
}

extension Lab {
    /// Records what passes a node's interface (as Ethernet frames), or all its interfaces (as Linux cooked v2, where a
    /// packet that is forwarded appears twice), and returns when it really does. It ends with the lab at the latest.
    ///
    /// `filter` is a pcap-filter(7) expression. `nflog:N` as an interface is what rules hand to that group of NFLOG; its
    /// times are of microseconds.
    public func record(
        in node: Node, interface: String? = nil, filter: String = "", _ detail: Recording.Detail = .whole
    ) async throws -> Recording {
        let recording = try Recording(self, node, interface: interface, filter: filter, detail)
        try await recording.awaitStart()
        return recording
    }
}
