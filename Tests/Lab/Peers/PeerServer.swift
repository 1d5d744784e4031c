import Glibc
import LinuxSystem
import Synchronization
public import Wire

/// A server for tests: listens on any number of endpoints and does for each connection what its `PeerRequest` asks.
///
/// One thread accepts; each connection has a blocking thread of its own.
public final class PeerServer: Sendable {
    /// Counts since the start.
    public struct Statistics: Sendable {
        public var accepted = 0
        /// Conversations that went as they should.
        public var completed = 0
        public var failures: [String: Int] = [:]
        public var active: Int { accepted - completed - failures.values.reduce(0, +) }
    }

    private struct State {
        var statistics = Statistics()
        var connections: Set<Int32> = []
        var threads: [Int: SystemThread] = [:]
        var finished: [Int] = []
    }

    private let listeners: [Int32]
    private let limit: Duration
    private let stopping: StopSignal
    private let state = Mutex(State())
    private let acceptor = Mutex<SystemThread?>(nil)

    /// Listens in the calling thread's namespace, and returns when it does. `limit` bounds each wait for a client.
    public init(
        listeningOn endpoints: [Endpoint], _ transport: PeerProtocol, limit: Duration = .seconds(120),
        congestionControl: String? = nil
    ) throws {
        listeners = try endpoints.map {
            try PeerSocket.listen(on: $0, transport, congestionControl: congestionControl).release()
        }
        self.limit = limit
        stopping = try StopSignal()
        let thread = try SystemThread(named: "peer acceptor") { [self] in accept() }
        acceptor.withLock { $0 = thread }
    }

    public var statistics: Statistics { state.withLock(\.statistics) }

    /// Stops listening and cuts what is still going on.
    public func stop() {
        guard let thread = acceptor.withLock({ $0.take() }) else { return }
        stopping.fire()
        thread.join()
        state.withLock { $0.connections.forEach { shutdown($0, Int32(SHUT_RDWR)) } }
        state.withLock { Array($0.threads.values) }.forEach { $0.join() }
    }

    private func accept() {
        defer { listeners.forEach { close($0) } }
        var waiting = (listeners + [stopping.descriptor]).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            _ = poll(&waiting, nfds_t(waiting.count), -1)
            if waiting.last!.revents != 0 { return }
            for ready in waiting where ready.revents != 0 {
                while let socket = acceptOne(ready.fd) { start(socket) }
            }
            joinFinished()
        }
    }

    /// nil when no connection waits, or the one that did is gone.
    private func acceptOne(_ listener: Int32) -> Int32? {
        guard case .success(let socket) = systemCallResult({ Glibc.accept(listener, nil, nil) }) else { return nil }
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        return socket
    }

    private func start(_ socket: Int32) {
        let number = state.withLock { state in
            state.statistics.accepted += 1
            state.connections.insert(socket)
            return state.statistics.accepted
        }
        do {
            let thread = try SystemThread(named: "peer") { [self] in
                converse(PeerSocket(owning: socket, limit: limit))
                state.withLock { $0.finished.append(number) }
            }
            state.withLock { $0.threads[number] = thread }
        } catch {
            close(socket)
            state.withLock { _ = $0.connections.remove(socket) }
            count(.system(error))
        }
    }

    /// Takes the connection off the list before it closes: the number may then be another connection's.
    private func converse(_ connection: consuming PeerSocket) {
        var failure: PeerError?
        do {
            try PeerSession.serve(connection)
        } catch {
            failure = error
        }
        count(failure)
        let socket = connection.rawValue
        state.withLock { _ = $0.connections.remove(socket) }
        _ = consume connection
    }

    private func count(_ failure: PeerError?) {
        state.withLock { state in
            if let failure {
                state.statistics.failures[failure.description, default: 0] += 1
            } else {
                state.statistics.completed += 1
            }
        }
    }

    private func joinFinished() {
        let threads = state.withLock { state in
            let known = state.finished.filter { state.threads[$0] != nil }
            state.finished.removeAll { state.threads[$0] != nil }
            return known.map { state.threads.removeValue(forKey: $0)! }
        }
        threads.forEach { $0.join() }
    }
}
