import CLinux
import Glibc
import SystemPackage

/// The service manager that has started this process and wants to hear how it fares: systemd, with `Type=notify`.
///
/// A message is a datagram of lines, sent to the socket that `NOTIFY_SOCKET` names (sd_notify(3)).
public struct ServiceManager: Sendable {
    /// What a service tells of itself.
    public enum Notice: Hashable, Sendable {
        /// It does its work: the start, or a reload, is over.
        case ready
        /// It reads its settings anew, since this time. `ready` follows, whatever came of it.
        case reloading(MonotonicTime)
        case stopping
        /// This process goes on with the service from now on; of the same control group.
        case mainProcess(pid_t)
        /// One line for people.
        case status(String)
        /// What is under way now, start or stop, may take so long from now on.
        case extendTimeout(Duration)
        /// What the watchdog waits for.
        case alive
    }

    /// How long it waits for `alive` before it ends the process; nil when it doesn't.
    public let watchdog: Duration?
    private let path: [UInt8]

    /// nil when nobody wants to hear.
    ///
    /// - Parameter environment: `NOTIFY_SOCKET` is a path, or a name of the abstract namespace behind an `@`. `WATCHDOG_USEC` counts if
    ///   `WATCHDOG_PID` is this process or isn't there (sd_watchdog_enabled(3)).
    public init?(environment: (_ name: String) -> String?, process: pid_t = getpid()) {
        guard let address = environment("NOTIFY_SOCKET"), let first = address.first, first == "/" || first == "@",
            (2...Self.longestPath).contains(address.utf8.count)
        else { return nil }
        path = first == "@" ? [0] + address.utf8.dropFirst() : Array(address.utf8)
        let isMeant = environment("WATCHDOG_PID").map { $0 == "\(process)" } ?? true
        let microseconds = environment("WATCHDOG_USEC").flatMap { Int64($0) }
        watchdog = microseconds.flatMap { isMeant && $0 > 0 ? .microseconds($0) : nil }
    }

    /// sun_path has 108 bytes (unix(7)), with a closing zero where it is a path.
    private static let longestPath = 107

    /// Tells all of it in one message; waits a second at most for the manager to take it.
    public func tell(_ notices: [Notice]) throws(SystemError) {
        let text = notices.map(\.lines).joined(separator: "\n")
        let socket = Descriptor(
            owning: try systemCall("socket for the service manager") {
                Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            })
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(socket.rawValue, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + path.count)
        _ = try withUnsafePointer(to: &address) { pointer throws(SystemError) in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer throws(SystemError) in
                try systemCall("tell the service manager") {
                    sendto(socket.rawValue, text, text.utf8.count, Int32(MSG_NOSIGNAL), pointer, length)
                }
            }
        }
    }
}

extension ServiceManager.Notice {
    /// As sd_notify(3) has them.
    var lines: String {
        switch self {
        case .ready: "READY=1"
        case .reloading(let time): "RELOADING=1\nMONOTONIC_USEC=\(time.nanoseconds / 1000)"
        case .stopping: "STOPPING=1"
        case .mainProcess(let process): "MAINPID=\(process)"
        case .status(let text): "STATUS=\(text.split(whereSeparator: \.isNewline).joined(separator: " "))"
        case .extendTimeout(let duration): "EXTEND_TIMEOUT_USEC=\(duration.microseconds)"
        case .alive: "WATCHDOG=1"
        }
    }
}

extension Duration {
    /// Whole ones.
    fileprivate var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}
