import Glibc
import LinuxSystem
import Policy
import Synchronization
import SystemPackage
import Wire

/// The redirect listeners: one for each destination port and family in use, on the packet's own port, since the kernel
/// refuses an MP_JOIN whose listener's port is not the connection's (net/mptcp/subflow.c, subflow_check_req).
///
/// Shared by the packet path, which asks for listeners, and the workers, which own and close them; the lock is taken
/// once or twice a connection and never across a wait.
final class ListenerTable: Sendable {
    struct Key: Hashable, Sendable {
        let port: UInt16
        let isIPv4: Bool

        init(port: UInt16, isIPv4: Bool) {
            self.port = port
            self.isIPv4 = isIPv4
        }

        init(_ server: Endpoint) { self.init(port: server.port, isIPv4: server.address.isIPv4) }
    }

    enum Availability: Sendable {
        /// It stands, and will for at least the idle time.
        case ready
        /// It has just been opened; the descriptor is to be watched by the worker that owns the key.
        case opened(Int32)
        case unavailable(SystemError)
    }

    private enum Entry {
        case open(descriptor: Int32, connections: Int, lastUsed: MonotonicTime)
        /// Not to be had; asked again after a while.
        case refused(SystemError, until: MonotonicTime)
    }

    private let setting: ConverterSetting
    private let entries = Mutex<[Key: Entry]>([:])

    /// How long a port that could not be bound is left alone.
    private static let refusalTime = Duration.seconds(10)
    /// Listeners at a time. The descriptors that `ConverterSetting.room` sets aside have to suffice for them.
    static let limit = 512

    init(_ setting: ConverterSetting) { self.setting = setting }

    func ensure(_ key: Key) -> Availability {
        let now = MonotonicTime.now
        return entries.withLock { entries in
            switch entries[key] {
            case .open(let descriptor, let connections, _):
                entries[key] = .open(descriptor: descriptor, connections: connections, lastUsed: now)
                return .ready
            case .refused(let error, let until) where until > now:
                return .unavailable(error)
            default:
                guard entries.count < Self.limit || openCount(entries) < Self.limit else {
                    return .unavailable(SystemError("listen on port \(key.port)", .tooManyOpenFiles))
                }
                do throws(SystemError) {
                    let descriptor = try open(key)
                    entries[key] = .open(descriptor: descriptor, connections: 0, lastUsed: now)
                    return .opened(descriptor)
                } catch {
                    entries[key] = .refused(error, until: now + Self.refusalTime)
                    return .unavailable(error)
                }
            }
        }
    }

    private func open(_ key: Key) throws(SystemError) -> Int32 {
        let address = key.isIPv4 ? setting.listenAddress : setting.listenAddress6
        let socket = try StreamSocket.open(.mptcp, for: address)
        try StreamSocket.setTransparent(socket.rawValue, for: address)
        try setting.prepare(socket.rawValue, towards: .client)
        try StreamSocket.bind(socket.rawValue, to: Endpoint(address: address, port: key.port))
        try StreamSocket.listen(socket.rawValue, backlog: 4096)
        return socket.release()
    }

    /// Counts a connection that came in by this listener, or has ended.
    func count(_ key: Key, _ change: Int) {
        entries.withLock { entries in
            guard case .open(let descriptor, let connections, _) = entries[key] else { return }
            entries[key] = .open(descriptor: descriptor, connections: connections + change, lastUsed: .now)
        }
    }

    /// Why the port was not to be had, if that was found out lately.
    func refusal(_ key: Key) -> SystemError? {
        entries.withLock { entries in
            guard case .refused(let error, let until) = entries[key], until > .now else { return nil }
            return error
        }
    }

    /// Closes the listener if it has been idle for long enough. For the worker that watches it.
    func retire(_ key: Key) -> Bool {
        entries.withLock { entries in
            guard case .open(let descriptor, connections: 0, let lastUsed) = entries[key],
                lastUsed + setting.listenerIdle < .now
            else { return false }
            // Inside the lock: whoever asks for the port next has to find it free.
            close(descriptor)
            entries[key] = nil
            return true
        }
    }

    /// Closes a listener that nobody can watch, so that no client is answered by it.
    func abandon(_ key: Key, _ error: SystemError) {
        entries.withLock { entries in
            guard case .open(let descriptor, _, _) = entries[key] else { return }
            close(descriptor)
            entries[key] = .refused(error, until: .now + Self.refusalTime)
        }
    }

    var count: Int { entries.withLock { openCount($0) } }

    private func openCount(_ entries: [Key: Entry]) -> Int {
        entries.values.count { if case .open = $0 { true } else { false } }
    }
}
