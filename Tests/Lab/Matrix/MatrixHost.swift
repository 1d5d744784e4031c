import Glibc
import LinuxSystem
import Synchronization
import Wire

//// A server of the matrix: it listens on ports, and has each connection conversed with on a thread of its
/// own.
final class MatrixHost: Sendable {
    /// How one connection went.
    struct Served: Sendable {
        let remote: Endpoint?
        /// `ok`, or why not.
        let outcome: String
    }

    private let behaviour: Behaviour
    private let course: Course
    private let stopping: StopSignal
    private let state = Mutex(State())
    private let acceptor = Mutex<SystemThread?>(nil)

    private struct State {
        var open = 0
        var served: [Served] = []
        var threads: [SystemThread] = []
    }

    /// Listens in the calling thread's namespace.
    init(_ situation: Situation, _ ports: [UInt16], _ course: Course) throws {
        behaviour = situation.behaviour
        self.course = course
        stopping = try StopSignal()
        let listeners = try ports.map { port in
            try PeerSocket.listen(on: Endpoint(address: course.wildcard, port: port), situation.transport).release()
        }
        // Where TPROXY doesn't come into it, this changes nothing.
        listeners.forEach { Self.makeTransparent($0, course.family) }
        let thread = try SystemThread(named: "matrix host") { [self] in
            accept(listeners)
            listeners.forEach { close($0) }
        }
        acceptor.withLock { $0 = thread }
    }

    private static func makeTransparent(_ socket: Int32, _ family: IPFamily) {
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        switch family {
        case .v4: setsockopt(socket, Int32(IPPROTO_IP), IP_TRANSPARENT, &on, size)
        case .v6: setsockopt(socket, Int32(IPPROTO_IPV6), IPV6_TRANSPARENT, &on, size)
        }
    }

    private func accept(_ listeners: [Int32]) {
        var waiting = ([stopping.descriptor] + listeners).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            _ = poll(&waiting, nfds_t(waiting.count), -1)
            if waiting[0].revents != 0 { return }
            for ready in waiting.dropFirst() where ready.revents != 0 {
                while case .success(let socket) = systemCallResult({ Glibc.accept(ready.fd, nil, nil) }) {
                    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
                    serve(socket)
                }
            }
        }
    }

    private func serve(_ descriptor: Int32) {
        state.withLock { $0.open += 1 }
        let thread = try? SystemThread(named: "matrix server") { [self] in
            let socket = MatrixSocket(owning: Descriptor(owning: descriptor), isClient: false, limit: course.limit)
            let remote = socket.remote
            var outcome = "ok"
            do { try behaviour.server(socket, course) } catch { outcome = "\(error)" }
            state.withLock { state in
                state.open -= 1
                state.served.append(Served(remote: remote, outcome: outcome))
            }
        }
        if let thread {
            state.withLock { $0.threads.append(thread) }
        } else {
            close(descriptor)
        }
    }

    /// Are all conversations over that have begun?
    var isIdle: Bool { state.withLock { $0.open == 0 } }

    /// Stops listening, waits for the conversations' ends, which their limits bring about, and returns how they went.
    func stop() -> [Served] {
        if let thread = acceptor.withLock({ $0.take() }) {
            stopping.fire()
            thread.join()
        }
        state.withLock { state in
            defer { state.threads = [] }
            return state.threads
        }.forEach { $0.join() }
        return state.withLock(\.served)
    }
}
