/// One thing that `sluice check` has found, and what to do about it.
public struct Finding: Sendable, Hashable, Encodable, CustomStringConvertible {
    public enum Severity: String, Sendable, Hashable, Encodable {
        /// Sluice can't do its work.
        case error
        /// It works, but not everywhere, or not for everybody.
        case warning
        /// Good to know; nothing to mend.
        case note
    }

    /// What was looked at. The raw values are printed, and stable.
    public enum Check: String, Sendable, Hashable, Encodable, CaseIterable {
        case kernel
        case capabilities
        case mptcp
        case pathManager = "path-manager"
        case forwarding
        case interfaces
        case reversePathFilter = "rp_filter"
        case socketMark = "fwmark_accept"
        case checksums
        case conntrack
        case rules
        case marks
        case ipv6
        case strayGuard = "stray-guard"
        case queues
        case tun
        case throttles
        case trafficControl = "traffic-control"
        case congestionControl = "congestion-control"
        case descriptors
        case ports
        case control
        case http
        case trace
        case sessions
        case cluster
        case kernelFaults = "kernel-faults"
    }

    public let severity: Severity
    public let check: Check
    public let message: String
    /// Empty for a note.
    public let mend: String

    static func error(_ check: Check, _ message: String, mend: String) -> Finding {
        Finding(severity: .error, check: check, message: message, mend: mend)
    }

    static func warning(_ check: Check, _ message: String, mend: String) -> Finding {
        Finding(severity: .warning, check: check, message: message, mend: mend)
    }

    static func note(_ check: Check, _ message: String) -> Finding {
        Finding(severity: .note, check: check, message: message, mend: "")
    }

    public var description: String { "\(severity.rawValue): \(message)" + (mend.isEmpty ? "" : "; \(mend)") }
}

extension [Finding] {
    /// Does something here keep Sluice from its work?
    public var forbidRunning: Bool { contains { $0.severity == .error } }

    /// `2 errors, 1 warning`, or that all is well.
    public var summary: String {
        let counts = [(Finding.Severity.error, "error"), (.warning, "warning")].compactMap { severity, word in
            let count = self.count { $0.severity == severity }
            return count == 0 ? nil : "\(count) \(word)\(count == 1 ? "" : "s")"
        }
        let outcome = forbidRunning ? [] : ["sluice can run here"]
        return (counts + outcome).joined(separator: ", ")
    }
}
