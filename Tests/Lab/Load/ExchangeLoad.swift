import Glibc
import LinuxSystem
import Synchronization
public import Wire

/// Short connections, one after the other: connect, one byte each way, close.
public struct ExchangePlan: Sendable {
    public var to: Endpoint
    public var transport: PeerProtocol
    /// The addresses to connect from, by turns: each has some 28,000 ports, and each port rests for a minute after its
    /// connection (TIME_WAIT).
    public var from: [IPAddress] = []
    /// Connections at a time.
    public var parallel = 1
    public var duration = Duration.seconds(2)

    public init(to: Endpoint, _ transport: PeerProtocol) {
        self.to = to
        self.transport = transport
    }

    /// Carries it out in the calling thread's namespace.
    public func run() throws -> LatencyReport {
        let turns = Atomic(0)
        return try LatencyReport.gather(threads: parallel) { (times) throws(PeerError) in
            let deadline = MonotonicTime.now + duration
            while case let start = MonotonicTime.now, start < deadline {
                let turn = turns.wrappingAdd(1, ordering: .relaxed).oldValue
                let source = from.isEmpty ? nil : from[turn % from.count]
                let connection = try PeerSocket.connected(to: to, transport, from: source, limit: .seconds(10))
                try connection.bounceByte()
                _ = consume connection
                times.append(MonotonicTime.now.nanoseconds(since: start))
            }
        }
    }
}

/// Requests and answers of the same size, one at a time on each connection.
public struct EchoPlan: Sendable {
    public var to: Endpoint
    public var transport: PeerProtocol
    /// The addresses to connect from, by turns; the first link's when empty.
    public var from: [IPAddress] = []
    public var connections = 1
    /// Bytes of a request, at most 64 KiB; the first eight are its number, so that it can be told in a capture.
    public var size = 64
    public var duration = Duration.seconds(2)
    /// From an answer to the next request.
    public var pause = Duration.zero

    public init(to: Endpoint, _ transport: PeerProtocol) {
        self.to = to
        self.transport = transport
    }

    /// Carries it out in the calling thread's namespace.
    public func run() throws -> LatencyReport {
        let numbers = Atomic<UInt64>(0)
        let turns = Atomic(0)
        return try LatencyReport.gather(threads: connections) { (times) throws(PeerError) in
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
            defer { room.deallocate() }
            room.initializeMemory(as: UInt8.self, repeating: 0x5a)
            let turn = turns.wrappingAdd(1, ordering: .relaxed).oldValue
            let source = from.isEmpty ? nil : from[turn % from.count]
            let connection = try PeerSocket.connected(to: to, transport, from: source, limit: .seconds(10))
            connection.sendWithoutDelay()
            let deadline = MonotonicTime.now + duration
            while case let start = MonotonicTime.now, start < deadline {
                try connection.bounce(room, number: numbers.wrappingAdd(1, ordering: .relaxed).newValue)
                times.append(MonotonicTime.now.nanoseconds(since: start))
                if pause > .zero { usleep(useconds_t(pause.microseconds)) }
            }
        }
    }
}

/// How long each of many operations took.
public struct LatencyReport: Sendable {
    /// In nanoseconds, the shortest first.
    public fileprivate(set) var times: [UInt64] = []
    public fileprivate(set) var nanoseconds: UInt64 = 0
    public fileprivate(set) var failures: [PeerError: Int] = [:]

    public var perSecond: Double { Double(times.count) * 1e9 / Double(max(nanoseconds, 1)) }

    /// The time, in nanoseconds, that a share of them didn't exceed; nil when there are none.
    public func quantile(_ share: Double) -> UInt64? { times.quantile(share) }

    /// Runs `body` on so many threads; it appends its times to an array with room for them.
    fileprivate static func gather(
        threads count: Int, _ body: @escaping @Sendable (inout [UInt64]) throws(PeerError) -> Void
    ) throws -> LatencyReport {
        let total = Mutex(LatencyReport())
        let start = MonotonicTime.now
        var threads: [SystemThread] = []
        defer { threads.forEach { $0.join() } }
        for _ in 0..<count {
            threads.append(
                try SystemThread(named: "load") {
                    var times: [UInt64] = []
                    times.reserveCapacity(1 << 17)
                    var failure: PeerError?
                    do throws(PeerError) { try body(&times) } catch { failure = error }
                    total.withLock { report in
                        report.times += times
                        if let failure { report.failures[failure, default: 0] += 1 }
                    }
                })
        }
        threads.forEach { $0.join() }
        threads = []
        var report = total.withLock(\.self)
        report.nanoseconds = MonotonicTime.now.nanoseconds(since: start)
        report.times.sort()
        return report
    }
}

extension PeerSocket {
    /// Sends a message to an echo and waits until as many bytes have come back. It begins with its number, if that fits.
    func bounce(_ message: UnsafeMutableRawBufferPointer, number: UInt64) throws(PeerError) {
        if message.count >= 8 { message.storeBytes(of: number.bigEndian, as: UInt64.self) }
        try send(UnsafeRawBufferPointer(message))
        var filled = 0
        while filled < message.count {
            let count = try receive(UnsafeMutableRawBufferPointer(rebasing: message[filled...]))
            if count == 0 { throw .cutShort }
            filled += count
        }
    }
}
