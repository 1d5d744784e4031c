import Glibc
import SystemPackage

/// What the kernel refused, or what stands in the way; and the mend.
public struct TrafficControlError: Error, Hashable, CustomStringConvertible {
    public let problem: String
    public let mend: String
    /// What the kernel answered with; nil when it wasn't the kernel that refused.
    let errno: Errno?

    public init(_ problem: String, mend: String) {
        self.problem = problem
        self.mend = mend
        errno = nil
    }

    public var description: String { mend.isEmpty ? problem : "\(problem); \(mend)" }

    /// - Parameters:
    ///   - attempt: What was tried, e.g. `make class 7700:1 on lan0`.
    ///   - words: The kernel's own text (NETLINK_EXT_ACK); empty if it gave none.
    ///   - module: The kernel module that the attempt needs, if it's one that a kernel may lack.
    init(_ attempt: String, _ errno: Errno, words: String = "", module: String? = nil) {
        problem = "can't \(attempt): \(errno)" + (words.isEmpty ? "" : " (\(words))")
        mend = Self.mend(errno, words, module)
        self.errno = errno
    }

    /// Of what was to be removed, or of the device that it was on.
    var isAbsence: Bool { errno == .noSuchFileOrDirectory || errno == Errno(rawValue: ENODEV) }

    private static func mend(_ errno: Errno, _ words: String, _ module: String?) -> String {
        // ENOENT and EOPNOTSUPP are also the answers when a parent is missing; only the text tells them apart.
        let lacksModule =
            words.isEmpty || ["unknown", "Unknown", "not found", "Failed to load"].contains { words.contains($0) }
        switch errno {
        case .notPermitted, .permissionDenied: return "run as root or with CAP_NET_ADMIN"
        case .noSuchFileOrDirectory where lacksModule, .notSupportedOnSocket where lacksModule:
            return module.map { "the kernel lacks it: modprobe \($0)" } ?? lostMend
        case .noSuchFileOrDirectory, .invalidArgument: return lostMend
        case Errno(rawValue: ENODEV): return "the interface is gone: `ip link` shows those that are there"
        case .fileExists: return "another program has made one of that name: see ip link, tc qdisc and tc filter"
        case .resourceBusy: return "a filter still leads to it: release its subflows first"
        default: return "see the kernel's log: dmesg"
        }
    }

    private static let lostMend =
        "another program has changed the qdiscs meanwhile: see tc qdisc show, and leave 7700: to Sluice"
}
