import Glibc
import LinuxSystem
import Synchronization
import Wire

/// A thread with one end of many transfers: a client's, which begins what `SoakTraffic` says, or the server's.
final class SoakLoop: @unchecked Sendable {
    static let port: UInt16 = 5002

    private let stopping = Atomic(false)
    private let thread = Mutex<SystemThread?>(nil)

    private enum Role {
        case client(index: Int, SoakTraffic, servers: [IPFamily: Endpoint])
        case server(listeners: [Int32])
    }

    /// Starts a client's thread in the calling thread's namespace.
    init(
        client: Int, _ traffic: SoakTraffic, servers: [IPFamily: Endpoint], _ ledger: SoakLedger, limit: Duration
    ) throws {
        try start(named: "soak client", .client(index: client, traffic, servers: servers), ledger, limit)
    }

    /// Listens in the calling thread's namespace and starts the server's thread.
    init(serverSpeaking transport: PeerProtocol, _ ledger: SoakLedger, limit: Duration) throws {
        let listeners = try ["0.0.0.0", "::"].map {
            try PeerSocket.listen(on: Endpoint(address: IPAddress($0)!, port: Self.port), transport).release()
        }
        try start(named: "soak server", .server(listeners: listeners), ledger, limit)
    }

    private func start(named name: String, _ role: Role, _ ledger: SoakLedger, _ limit: Duration) throws {
        let loop = try EventLoop()
        let body = Body(role, loop, ledger, limit)
        nonisolated(unsafe) let isolated = body
        let thread = try SystemThread(named: name) { [self] in
            while !stopping.load(ordering: .relaxed) { isolated.turn() }
            isolated.cut()
        }
        self.thread.withLock { $0 = thread }
    }

    /// Cuts what is under way. Once only.
    func stop() {
        stopping.store(true, ordering: .relaxed)
        thread.withLock { $0.take() }?.join()
    }

    /// What the thread owns.
    private final class Body {
        private static let listenerTag: UInt64 = 1 << 63
        /// Milliseconds: how long a client may be late to begin what it may.
        private static let longestWait: Int32 = 20

        private let role: Role
        private var events: EventLoop
        private let ledger: SoakLedger
        private let limit: Duration
        private let buffers = SoakConnection.Buffers()
        private var connections: [UInt64: SoakConnection] = [:]
        /// Over, but for the other side's acknowledgement of the last bytes: an MPTCP socket that is closed earlier gives up
        /// after net.mptcp.close_timeout.
        private var lingering: [SoakConnection] = []
        private var count: UInt64 = 0
        private var nextSweep = MonotonicTime.now

        init(_ role: Role, _ events: consuming EventLoop, _ ledger: SoakLedger, _ limit: Duration) {
            self.role = role
            self.events = events
            self.ledger = ledger
            self.limit = limit
            if case .server(let listeners) = role {
                for listener in listeners {
                    try? self.events.add(listener, .readable, tag: Self.listenerTag | UInt64(listener))
                }
            }
        }

        func turn() {
            begin()
            events.wait(timeout: Self.longestWait) { tag, events in
                if tag & Self.listenerTag != 0 {
                    acceptAll(Int32(truncatingIfNeeded: tag & 0xffff_ffff))
                } else if let connection = connections[tag] {
                    advance(connection, tag, events)
                }
            }
            if nextSweep < .now { sweep() }
        }

        func cut() {
            for connection in connections.values { connection.resetOnClose() }
            for connection in lingering { connection.resetOnClose() }
            connections = [:]
            lingering = []
            if case .server(let listeners) = role { listeners.forEach { close($0) } }
        }

        // MARK: - Beginnings

        private func begin() {
            guard case .client(let index, let traffic, let servers) = role else { return }
            while let transfer = traffic.next(client: index, live: connections.count) {
                do throws(SystemError) {
                    let server = servers[transfer.family]!
                    let socket = try StreamSocket.open(
                        transfer.transport == .mptcp ? .mptcp : .tcp, for: server.address)
                    try socket.setCongestionControl(transfer.congestionControl)
                    try socket.connect(to: server)
                    ledger.connects(transfer, from: socket.localEndpoint)
                    add(SoakConnection(connecting: socket, transfer, ledger, buffers))
                } catch {
                    ledger.fail(transfer, at: .client, .failed, error.description)
                }
            }
        }

        private func acceptAll(_ listener: Int32) {
            while case .success(let socket) = systemCallResult({ accept(listener, nil, nil) }) {
                _ = fcntl(socket, F_SETFL, O_NONBLOCK)
                _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
                add(SoakConnection(accepted: StreamSocket(owning: Descriptor(owning: socket)), ledger, buffers))
            }
        }

        private func add(_ connection: SoakConnection) {
            count += 1
            connections[count] = connection
            watch(connection, count)
        }

        // MARK: - Course

        private func advance(_ connection: SoakConnection, _ tag: UInt64, _ events: EventLoop.Events) {
            switch connection.advance(events) {
            case .open: watch(connection, tag)
            case .over:
                connections[tag] = nil
                if !connection.isAcknowledged {
                    self.events.remove(connection.rawValue)
                    lingering.append(connection)
                }
                if let transfer = connection.transfer { ledger.end(transfer, at: connection.side) }
            case .failed(let kind, let details): fail(connection, tag, kind, details)
            }
        }

        /// Tells the kernel what the connection waits for, if that has changed.
        private func watch(_ connection: SoakConnection, _ tag: UInt64) {
            let wanted = connection.wanted
            guard wanted != connection.interest else { return }
            if !connection.interest.isEmpty { events.remove(connection.rawValue) }
            connection.interest = wanted
            do {
                try events.add(connection.rawValue, wanted, tag: tag)
            } catch {
                fail(connection, tag, .failed, "\(error)")
            }
        }

        private func fail(_ connection: SoakConnection, _ tag: UInt64, _ kind: SoakFault.Kind, _ details: String) {
            connection.resetOnClose()
            connections[tag] = nil
            if let transfer = connection.transfer {
                ledger.fail(transfer, at: connection.side, kind, details)
            } else if kind == .request, !ledger.isAborting {
                // Its client tells of other failures.
                ledger.add(SoakFault(kind, nil, details))
            }
        }

        /// Gives up what has moved nothing for too long.
        private func sweep() {
            let now = MonotonicTime.now
            nextSweep = now + .seconds(1)
            lingering.removeAll { $0.isAcknowledged || $0.lastProgress + limit < now }
            for (tag, connection) in connections where connection.lastProgress + limit < now {
                fail(connection, tag, .stalled, "nothing moved for \(limit); \(connection.state)")
            }
        }
    }
}
