import Glibc
import LinuxSystem
import Synchronization
import Wire

/// A server for load: plain TCP or MPTCP, on all addresses of both families. It verifies nothing and touches no byte
/// that it need not, so that what is measured is the way to it.
///
/// Two ports. `echoPort` sends back whatever comes, on one thread for all connections, which may be many and idle.
/// `bulkPort` does for each connection, on threads of its own, what its request (`BulkTransfer.Request`) asks.
public final class LoadServer: Sendable {
    public static let echoPort: UInt16 = 5000
    public static let bulkPort: UInt16 = 5001

    private let stopping: StopSignal
    private let threads: Mutex<[SystemThread]>

    /// Listens in the calling thread's namespace.
    fileprivate init(_ transport: PeerProtocol, congestionControl: String?) throws {
        let stopping = try StopSignal()
        let listen = { (port: UInt16) throws in
            try ["0.0.0.0", "::"].map {
                try PeerSocket.listen(
                    on: Endpoint(address: IPAddress($0)!, port: port), transport, congestionControl: congestionControl
                ).release()
            }
        }
        let (echo, bulk) = (try listen(Self.echoPort), try listen(Self.bulkPort))
        self.stopping = stopping
        threads = Mutex([
            try SystemThread(named: "load echo") { EchoLoop(stopping.descriptor, listeners: echo)?.run() },
            try SystemThread(named: "load bulk") { BulkAcceptor.run(stopping.descriptor, listeners: bulk) },
        ])
    }

    func stop() {
        stopping.fire()
        threads.withLock { threads in
            threads.forEach { $0.join() }
            threads = []
        }
    }
}

/// Many connections on one thread; what comes goes back.
private final class EchoLoop {
    private static let stopTag = UInt64.max
    private static let listenerTag: UInt64 = 1 << 32
    private let listeners: [Int32]
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
    private var connections: Set<Int32> = []
    private var loop: EventLoop

    init?(_ stop: Int32, listeners: [Int32]) {
        self.listeners = listeners
        guard let loop = try? EventLoop() else { return nil }
        self.loop = loop
        guard (try? self.loop.add(stop, .readable, tag: Self.stopTag)) != nil else { return nil }
        for listener in listeners {
            guard (try? self.loop.add(listener, .readable, tag: Self.listenerTag | UInt64(listener))) != nil else {
                return nil
            }
        }
    }

    deinit {
        buffer.deallocate()
        for descriptor in connections.union(listeners) { close(descriptor) }
    }

    func run() {
        var isOver = false
        while !isOver {
            loop.wait(timeout: -1) { tag, _ in
                if tag == Self.stopTag {
                    isOver = true
                } else if tag & Self.listenerTag != 0 {
                    acceptAll(Int32(tag & 0xffff_ffff))
                } else {
                    echo(Int32(tag))
                }
            }
        }
    }

    private func acceptAll(_ listener: Int32) {
        while case .success(let socket) = systemCallResult({ accept(listener, nil, nil) }) {
            _ = fcntl(socket, F_SETFL, O_NONBLOCK)
            _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
            var on: Int32 = 1
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
            connections.insert(socket)
            if (try? loop.add(socket, .readable, tag: UInt64(socket))) == nil { end(socket) }
        }
    }

    private func echo(_ socket: Int32) {
        switch systemCallResult({ recv(socket, buffer.baseAddress, buffer.count, 0) }) {
        case .success(let count) where count > 0:
            _ = Glibc.send(socket, buffer.baseAddress, count, Int32(MSG_NOSIGNAL))
        case .failure(.wouldBlock): break
        case .success, .failure: end(socket)
        }
    }

    private func end(_ socket: Int32) {
        connections.remove(socket)
        close(socket)
    }
}

private enum BulkAcceptor {
    static func run(_ stop: Int32, listeners: [Int32]) {
        var threads: [SystemThread] = []
        let open = OpenSockets()
        var waiting = (listeners + [stop]).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            _ = poll(&waiting, nfds_t(waiting.count), -1)
            if waiting.last!.revents != 0 { break }
            for ready in waiting where ready.revents != 0 {
                while case .success(let socket) = systemCallResult({ accept(ready.fd, nil, nil) }) {
                    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
                    open.insert(socket)
                    let thread = try? SystemThread(named: "load bulk") {
                        let connection = PeerSocket(owning: socket, limit: BulkTransfer.limit)
                        try? BulkTransfer.serve(connection)
                        // Before it is closed: the number may then be another connection's.
                        open.remove(socket)
                        _ = consume connection
                    }
                    if let thread { threads.append(thread) }
                }
            }
        }
        listeners.forEach { close($0) }
        open.shutDownAll()
        threads.forEach { $0.join() }
    }
}

/// What `stop` has to cut.
private final class OpenSockets: Sendable {
    private let sockets = Mutex<Set<Int32>>([])

    func insert(_ socket: Int32) { sockets.withLock { _ = $0.insert(socket) } }
    func remove(_ socket: Int32) { sockets.withLock { _ = $0.remove(socket) } }
    func shutDownAll() { sockets.withLock { $0.forEach { shutdown($0, Int32(SHUT_RDWR)) } } }
}

extension Lab {
    /// Runs `body` with a server for load in the server's node.
    public func withLoadServer<Value>(
        _ transport: PeerProtocol = .tcp, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Value
    ) async throws -> Value {
        let server = try await inside(.server(0)) {
            try LoadServer(transport, congestionControl: self.configuration.congestionControl)
        }
        do {
            let value = try await body()
            try await onThread(named: "stop load") { server.stop() }
            return value
        } catch {
            try? await onThread(named: "stop load") { server.stop() }
            throw error
        }
    }
}
