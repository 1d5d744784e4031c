import Glibc
import LinuxSystem
import Synchronization
import SystemPackage
import Wire

/// The redirect listeners: one for each destination port and family in use, on the packet's own port, since the kernel
/// refuses an MP_JOIN whose listener's port is not the connection's (net/mptcp/subflow.c, subflow_check_req). Each stands
/// while a handshake needs it (`ListenerWindow`), and no longer: the port belongs to the router's own services.
///
/// Shared by the packet path, which asks for listeners, and the workers, which accept and say when one may close. It owns the
/// sockets. One is closed on the thread of the worker that watches it, so that the worker's calls find it open. The lock is
/// taken a few times a connection and never across a wait.
package final class ListenerTable: Sendable {
    package struct Key: Hashable, Sendable {
        let port: UInt16
        let isIPv4: Bool

        init(port: UInt16, isIPv4: Bool) {
            self.port = port
            self.isIPv4 = isIPv4
        }

        package init(_ server: Endpoint) { self.init(port: server.port, isIPv4: server.address.isIPv4) }
    }

    package enum Availability: Sendable {
        /// It stands.
        case ready
        /// It has just been opened, and is to be watched by the worker that owns the key. The number tells it from others of
        /// that key.
        case opened(UInt64)
        case unavailable(SystemError)
    }

    private struct Standing {
        let socket: OwnedSocket
        let number: UInt64
        /// Whose SYN it was opened for.
        let opener: IPAddress
        var window: ListenerWindow
    }

    private struct State {
        var standing: [Key: Standing] = [:]
        /// Ports that were not to be had; asked again after a while.
        var refusals: [Key: (error: SystemError, until: MonotonicTime)] = [:]
        /// Ports that were to be had, until when that is taken for granted.
        var free: [Key: MonotonicTime] = [:]
        /// Of ports whose listener has closed.
        var paces: [Key: HandshakePace] = [:]
        /// How many stand for each client, an IPv6 /64 counting as one.
        var openers: [IPAddress: Int] = [:]
        var lastNumber: UInt64 = 0
    }

    private let setting: ConverterSetting
    private let state = Mutex(State())

    /// How long a port that could not be bound is left alone.
    private static let refusalTime = Duration.seconds(10)
    /// Listeners at a time. The descriptors that `ConverterSetting.room` sets aside have to suffice for them.
    static let limit = 512
    /// Of these, those for one client: its handshakes to hundreds of ports must not take the places of others.
    static let limitPerClient = 128

    package init(_ setting: ConverterSetting) { self.setting = setting }

    /// Makes a listener stand for the handshake of this 4-tuple.
    package func ensure(_ tuple: FourTuple, isJoin: Bool) -> Availability {
        let key = Key(tuple.server)
        let now = MonotonicTime.now
        return state.withLock { state in
            if state.standing[key] != nil {
                state.standing[key]?.window.begin(tuple, isJoin: isJoin, at: now)
                return .ready
            }
            if let error = refusal(tuple, state, now) { return .unavailable(error) }
            do throws(SystemError) {
                let socket = try open(key)
                state.refusals[key] = nil
                state.lastNumber += 1
                let opener = PendingGuard.key(tuple.client.address)
                var window = ListenerWindow(
                    .init(patience: setting.clientTimeout, linger: setting.listenerIdle),
                    state.paces.removeValue(forKey: key) ?? HandshakePace())
                window.begin(tuple, isJoin: isJoin, at: now)
                state.standing[key] = Standing(
                    socket: socket, number: state.lastNumber, opener: opener, window: window)
                state.openers[opener, default: 0] += 1
                return .opened(state.lastNumber)
            } catch {
                refuse(key, error, &state, now)
                return .unavailable(error)
            }
        }
    }

    /// All that stand, as they are handed over, each with its descriptor.
    var records: [(ListenerRecord, Int32)] {
        state.withLock { state in
            state.standing.map { key, standing in
                var record = ListenerRecord(port: key.port, isIPv4: key.isIPv4, opener: standing.opener)
                standing.window.write(to: &record)
                return (record, standing.socket.descriptor)
            }
        }
    }

    /// Takes up a listener of another daemon's; its key and number.
    func adopt(_ record: ListenerRecord, _ socket: consuming StreamSocket) -> (Key, UInt64) {
        let key = Key(port: record.port, isIPv4: record.isIPv4)
        let window = ListenerWindow(
            .init(patience: setting.clientTimeout, linger: setting.listenerIdle), record, at: .now)
        let owned = OwnedSocket(socket)
        return state.withLock { state in
            state.lastNumber += 1
            state.standing[key] = Standing(
                socket: owned, number: state.lastNumber, opener: record.opener, window: window)
            state.openers[record.opener, default: 0] += 1
            return (key, state.lastNumber)
        }
    }

    /// Why there is no listener for this 4-tuple, as far as that is known; nil if nothing speaks against it. Of a port that has
    /// not been asked for lately it is found out: a server that is dialled in vain sees a connection that is reset.
    func refusal(_ tuple: FourTuple) -> SystemError? {
        let key = Key(tuple.server)
        let now = MonotonicTime.now
        return state.withLock { state in
            guard state.standing[key] == nil else { return nil }
            if let error = refusal(tuple, state, now) { return error }
            if let until = state.free[key], now < until { return nil }
            do throws(SystemError) {
                try tryBinding(key)
            } catch {
                refuse(key, error, &state, now)
                return error
            }
            if state.free.count >= Self.limit { state.free = state.free.filter { now < $0.value } }
            if state.free.count < 2 * Self.limit { state.free[key] = now + Self.refusalTime }
            return nil
        }
    }

    /// A socket that doesn't listen keeps no service from the port in the meantime, if that one sets SO_REUSEADDR, as all do.
    private func tryBinding(_ key: Key) throws(SystemError) {
        let address = key.isIPv4 ? setting.listenAddress : setting.listenAddress6
        let socket = try StreamSocket.open(.tcp, for: address)
        try socket.setTransparent(for: address)
        try socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
        try socket.set(SOL_SOCKET, SO_REUSEPORT, 1)
        try socket.bind(to: Endpoint(address: address, port: key.port))
    }

    private func refusal(_ tuple: FourTuple, _ state: State, _ now: MonotonicTime) -> SystemError? {
        let key = Key(tuple.server)
        if let (error, until) = state.refusals[key], now < until { return error }
        let own = state.openers[PendingGuard.key(tuple.client.address)] ?? 0
        guard state.standing.count < Self.limit, own < Self.limitPerClient else {
            return SystemError("listen on port \(key.port)", .tooManyOpenFiles)
        }
        return nil
    }

    private func refuse(_ key: Key, _ error: SystemError, _ state: inout State, _ now: MonotonicTime) {
        if state.refusals.count >= Self.limit { state.refusals = state.refusals.filter { now < $0.value.until } }
        // Beyond as many again it is found out anew each time.
        if state.refusals.count < 2 * Self.limit { state.refusals[key] = (error, now + Self.refusalTime) }
    }

    private func open(_ key: Key) throws(SystemError) -> OwnedSocket {
        let address = key.isIPv4 ? setting.listenAddress : setting.listenAddress6
        let socket = try StreamSocket.open(.mptcp, for: address)
        try socket.setTransparent(for: address)
        try setting.prepare(socket, towards: .client)
        // A service that shares its port, as many do that run in several processes, can start beside it, and it beside the
        // service: it gets what TPROXY gives to its own address, and the service all else.
        try socket.set(SOL_SOCKET, SO_REUSEPORT, 1)
        try socket.bind(to: Endpoint(address: address, port: key.port))
        try socket.listen(backlog: 4096)
        return OwnedSocket(socket)
    }

    /// The descriptor of the listener that stands now; nil if there is none, or another than the one of this number. For the
    /// worker that watches it.
    func descriptor(_ key: Key, number: UInt64? = nil) -> Int32? {
        state.withLock { state in
            guard let standing = state.standing[key], number ?? standing.number == standing.number else { return nil }
            return standing.socket.descriptor
        }
    }

    /// The client has been accepted, or nobody waits for it any more.
    package func end(_ tuple: FourTuple) {
        state.withLock { $0.standing[Key(tuple.server)]?.window.end(tuple) }
    }

    /// A subflow's handshake is through.
    func joined(_ tuple: FourTuple) {
        let now = MonotonicTime.now
        state.withLock { $0.standing[Key(tuple.server)]?.window.joined(tuple, at: now) }
    }

    /// Closes the listener if no handshake needs it; else, when to ask again, or what has to be known. For the worker that
    /// watches it, after it has accepted what waits.
    func review(_ key: Key) -> ListenerWindow.Verdict {
        let now = MonotonicTime.now
        return state.withLock { state in
            let verdict = state.standing[key]?.window.judge(at: now) ?? .close
            // Inside the lock: whoever asks for the port next has to find it free.
            if verdict == .close { close(key, &state) }
            return verdict
        }
    }

    func note(_ key: Key, _ states: [FourTuple: ListenerWindow.JoinState]) {
        let now = MonotonicTime.now
        state.withLock { $0.standing[key]?.window.note(states, at: now) }
    }

    /// Closes a listener that can't be watched, so that no client is answered by it.
    func abandon(_ key: Key, _ error: SystemError) {
        state.withLock { state in
            close(key, &state)
            refuse(key, error, &state, .now)
        }
    }

    func closeAll() { state.withLock { $0.standing = [:] } }

    /// Closes listeners whose worker ends.
    package func close(_ keys: some Sequence<Key>) {
        state.withLock { state in
            for key in keys { close(key, &state) }
        }
    }

    private func close(_ key: Key, _ state: inout State) {
        guard let closed = state.standing.removeValue(forKey: key) else { return }
        // One handshake after the other, each with a listener of its own, comes in quick succession, too.
        if state.paces.count >= Self.limit {
            let now = MonotonicTime.now
            state.paces = state.paces.filter { $0.value.isRecent(at: now) }
        }
        if state.paces.count < 2 * Self.limit { state.paces[key] = closed.window.pace }
        let left = (state.openers[closed.opener] ?? 1) - 1
        state.openers[closed.opener] = left > 0 ? left : nil
    }

    var count: Int { state.withLock { $0.standing.count } }
}

/// A socket that is closed when it is forgotten.
private final class OwnedSocket: Sendable {
    private let socket: StreamSocket

    init(_ socket: consuming StreamSocket) { self.socket = socket }

    var descriptor: Int32 { socket.rawValue }
}
