import FlyingFox
import FlyingSocks
import Foundation
import Synchronization

/// Serves HTTP/1.1 on an address of TCP to whoever comes, within limits: of bytes, of time and of connections. FlyingFox's
/// own server has none of these (no answer to garbage, no end to a head, no limit of connections), and the daemon needs its
/// descriptors for other things.
final class WebListener: Sendable {
    struct Limits: Sendable {
        /// Connections that are answered at a time. As many again are told that there is no room, and further ones wait.
        var connections = 64
        /// For a request's head to come.
        var head: Duration = .seconds(10)
        /// For a part of an answer to go.
        var write: Duration = .seconds(10)
        /// For the other side to close behind an answer.
        var linger: Duration = .seconds(1)
    }

    typealias Answer = @Sendable (RequestHead) async -> Reply

    private let socket: AsyncSocket
    private let pool: SocketPool<ePoll>
    private let limits: Limits
    private let answer: Answer
    private let left: @Sendable (EventReader) async -> Void
    private let open = Mutex(0)
    private let tasks = Mutex<[Task<Void, Never>]>([])

    /// Returns once it answers. `left`: told of each reader of events that is gone.
    static func start(
        on address: HTTPAddress, limits: Limits = Limits(), left: @escaping @Sendable (EventReader) async -> Void,
        answer: @escaping Answer
    ) async throws(HTTPAddressError) -> WebListener {
        do {
            let pool: SocketPool<ePoll> = .ePoll()
            try await pool.prepare()
            let listener = WebListener(
                try AsyncSocket(socket: try listen(on: address), pool: pool), pool, limits, left, answer)
            listener.begin()
            return listener
        } catch SocketError.failed(_, let code, _) {
            throw HTTPAddressError(address, errno: code)
        } catch {
            throw HTTPAddressError(address, errno: EINVAL)
        }
    }

    private init(
        _ socket: AsyncSocket, _ pool: SocketPool<ePoll>, _ limits: Limits,
        _ left: @escaping @Sendable (EventReader) async -> Void, _ answer: @escaping Answer
    ) {
        self.socket = socket
        self.pool = pool
        self.limits = limits
        self.left = left
        self.answer = answer
    }

    private static func listen(on address: HTTPAddress) throws -> Socket {
        let socket = try Socket(domain: address.isIPv6 ? AF_INET6 : AF_INET)
        do {
            keepFromChildren(socket)
            try socket.setValue(true, for: .localAddressReuse)
            if address.isIPv6 {
                try socket.bind(to: .inet6(ip6: address.host, port: address.port))
            } else {
                try socket.bind(to: .inet(ip4: address.host, port: address.port))
            }
        } catch {
            try? socket.close()
            throw error
        }
        // Closes it when it can't.
        try socket.listen()
        return socket
    }

    /// The daemon starts other programs.
    private static func keepFromChildren(_ socket: Socket) { _ = fcntl(socket.file.rawValue, F_SETFD, FD_CLOEXEC) }

    private func begin() {
        let watching = Task { [pool] in _ = try? await pool.run() }
        let serving = Task { await self.serve() }
        tasks.withLock { $0 = [serving, watching] }
    }

    /// Nobody is answered any more; answers that are on their way are cut off.
    func stop() async {
        let tasks = tasks.withLock { tasks in
            defer { tasks = [] }
            return tasks
        }
        for task in tasks {
            task.cancel()
            await task.value
        }
    }

    private func serve() async {
        await withDiscardingTaskGroup { group in
            while let (client, isCrowded) = await next() {
                group.addTask {
                    await self.serve(client, isCrowded)
                    await Self.close(client, on: self.pool)
                    self.open.withLock { $0 -= 1 }
                }
            }
            group.cancelAll()
        }
        await Self.close(socket, on: pool)
    }

    /// nil when it has been stopped.
    private func next() async -> (client: AsyncSocket, isCrowded: Bool)? {
        while !Task.isCancelled {
            do {
                while open.withLock(\.self) >= 2 * limits.connections { try await Task.sleep(for: .milliseconds(10)) }
                let client = try await socket.accept()
                Self.keepFromChildren(client.socket)
                return (
                    client,
                    open.withLock {
                        $0 += 1; return $0
                    } > limits.connections
                )
            } catch {
                // No descriptor is free, or the client has gone already: neither is the end.
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
        return nil
    }

    /// The pool takes a descriptor out of epoll just behind having told who waits for it. One that is closed in between
    /// would never be heard of again under its number; here, on the pool's own turn, it can't be.
    private static func close(_ socket: AsyncSocket, on pool: isolated SocketPool<ePoll>) { try? socket.close() }

    private func serve(_ client: AsyncSocket, _ isCrowded: Bool) async {
        do {
            if isCrowded {
                try await send(.busy("\(limits.connections) connections are being answered"), to: client)
            } else if let head = try await head(from: client) {
                let reply = await answer(head)
                do {
                    try await send(reply, to: client, isHead: head.method == "HEAD")
                } catch {
                    await reply.end(left)
                    throw error
                }
                await reply.end(left)
            } else {
                return
            }
            await linger(client)
        } catch let refusal as RequestHead.Refusal {
            try? await send(refusal.reply, to: client)
            await linger(client)
        } catch is DeadlineError {
            try? await send(.error(408, "the request didn't come within \(limits.head)"), to: client)
        } catch {
            // It is gone, or everything ends.
        }
    }

    /// nil: it has gone without a word.
    private func head(from client: AsyncSocket) async throws -> RequestHead? {
        try await within(limits.head) {
            var bytes: [UInt8] = []
            while true {
                if let head = try RequestHead.read(bytes) { return head }
                do {
                    bytes += try await client.read(atMost: 4096)
                } catch SocketError.disconnected {
                    guard !bytes.isEmpty else { return nil }
                    throw RequestHead.Refusal.invalid("it ends in the middle of its head")
                }
            }
        }
    }

    private func send(_ reply: Reply, to client: AsyncSocket, isHead: Bool = false) async throws {
        try await write(reply.head, to: client)
        guard !isHead else { return }
        switch reply.body {
        case .data(let data): try await write(data, to: client)
        case .events(let reader):
            for await _ in reader.news { try await write(reader.take(), to: client) }
        }
    }

    private func write(_ data: Data, to client: AsyncSocket) async throws {
        do {
            try await within(limits.write) { try await client.write(data) }
        } catch is DeadlineError {
            throw SocketError.disconnected
        }
    }

    /// Bytes that nobody has read, such as a body, would make of the end a reset, and the answer might be lost by it.
    private func linger(_ client: AsyncSocket) async {
        shutdown(client.socket.file.rawValue, Int32(SHUT_WR))
        try? await within(limits.linger) {
            var rest = 1 << 20
            while rest > 0 { rest -= try await client.read(atMost: 4096).count }
        }
    }
}

private struct DeadlineError: Error {}

/// Throws `DeadlineError` when it takes longer.
private func within<Value: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: limit)
            throw DeadlineError()
        }
        defer { group.cancelAll() }
        // There are two.
        return try await group.next()!
    }
}

extension Reply {
    /// There is no room just now.
    static func busy(_ reason: String) -> Reply {
        .error(503, "\(reason), and that is the limit; try again in a while", fields: [("Retry-After", "10")])
    }

    fileprivate func end(_ left: @Sendable (EventReader) async -> Void) async {
        if case .events(let reader) = body { await left(reader) }
    }
}
