import Glibc
import LinuxSystem
public import Wire

/// Many connections on one thread: each sends a number, waits until it comes back, and sends the next. How long each of them waits
/// at most is how long it is silent. One thread at a time.
public final class SilenceWatch: @unchecked Sendable {
    private struct Connection {
        let socket: Int32
        var number: UInt64 = 0
        var sent = MonotonicTime(nanoseconds: 0)
        var longest: UInt64 = 0
        /// Bytes of the answer that have come.
        var answer: [UInt8] = []
        var hasFailed = false
    }

    private var connections: [Connection] = []
    private var loop: EventLoop

    /// Connects in the calling thread's namespace, from these addresses by turns, to a server that sends back what comes.
    public init(_ count: Int, to endpoint: Endpoint, _ transport: PeerProtocol, from sources: [IPAddress]) throws {
        loop = try EventLoop()
        for index in 0..<count {
            let source = sources.isEmpty ? nil : sources[index % sources.count]
            let socket = try PeerSocket.connected(to: endpoint, transport, from: source, limit: .seconds(10))
            socket.sendWithoutDelay()
            try socket.bounceByte()
            connections.append(Connection(socket: socket.release()))
            try loop.add(connections[index].socket, .readable, tag: UInt64(index))
        }
    }

    deinit { for connection in connections { close(connection.socket) } }

    /// What a run has seen.
    public struct Report: Sendable {
        /// The longest silence of each connection, in nanoseconds, the shortest first.
        public var longest: [UInt64] = []
        /// Answers that came, all of them right.
        public var answers = 0
        /// Connections that ended, or whose answer was wrong.
        public var failures = 0
    }

    /// Goes on for so long, and until every answer has come.
    ///
    /// - Parameter pause: between an answer and the next number; connections begin one after the other within that time.
    public func run(for duration: Duration, pause: Duration) -> Report {
        var report = Report()
        let start = MonotonicTime.now
        let end = start + duration
        let limit = end + .seconds(10)
        // In the order of their times, since all wait equally long.
        var due: [(index: Int, time: MonotonicTime)] = []
        for index in connections.indices {
            connections[index].longest = 0
            due.append((index, start + pause * index / connections.count))
        }
        var outstanding = connections.count
        var next = 0
        while outstanding > 0, MonotonicTime.now < limit {
            while next < due.count, due[next].time <= .now {
                let index = due[next].index
                next += 1
                if MonotonicTime.now < end, !connections[index].hasFailed { send(index) } else { outstanding -= 1 }
            }
            let timeout = next < due.count ? due[next].time.milliseconds(from: .now) : 100
            loop.wait(timeout: min(timeout, 100)) { tag, _ in
                let index = Int(tag)
                guard receive(index) else { return }
                if !connections[index].hasFailed { report.answers += 1 }
                due.append((index, .now + pause))
            }
        }
        report.failures = max(connections.count(where: \.hasFailed), outstanding)
        report.longest = connections.map(\.longest).sorted()
        return report
    }

    private func send(_ index: Int) {
        connections[index].number += 1
        connections[index].sent = .now
        connections[index].answer = []
        withUnsafeBytes(of: connections[index].number.bigEndian) { bytes in
            let sent = Glibc.send(connections[index].socket, bytes.baseAddress, 8, Int32(MSG_NOSIGNAL))
            if sent != 8 { connections[index].hasFailed = true }
        }
    }

    /// Is the answer there, or will it never be?
    private func receive(_ index: Int) -> Bool {
        var bytes: UInt64 = 0
        let wanted = 8 - connections[index].answer.count
        let count = withUnsafeMutableBytes(of: &bytes) {
            recv(connections[index].socket, $0.baseAddress, wanted, Int32(MSG_DONTWAIT))
        }
        if count < 0, errno == EAGAIN || errno == EINTR { return false }
        guard count > 0, !connections[index].hasFailed else {
            connections[index].hasFailed = true
            loop.remove(connections[index].socket)
            return true
        }
        withUnsafeBytes(of: bytes) { connections[index].answer += $0.prefix(count) }
        guard connections[index].answer.count == 8 else { return false }
        let number = connections[index].answer.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        if number != connections[index].number { connections[index].hasFailed = true }
        connections[index].longest = max(
            connections[index].longest, MonotonicTime.now.nanoseconds(since: connections[index].sent))
        return true
    }
}
