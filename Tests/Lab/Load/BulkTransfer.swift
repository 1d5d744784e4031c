import Glibc
import LinuxSystem
import Synchronization
public import Wire

/// Which way a bulk transfer goes.
public enum BulkDirection: UInt8, Sendable {
    case download = 1
    case upload = 2
}

/// As many bytes as will go through in a given time.
public struct BulkPlan: Sendable {
    public var to: Endpoint
    public var transport: PeerProtocol
    public var downloads = 1
    public var uploads = 0
    /// For how long the senders send.
    public var duration = Duration.seconds(2)
    /// The addresses to connect from, by turns; the first link's when empty.
    public var from: [IPAddress] = []
    /// Told what the downloads receive, while they do.
    public var meter: ByteMeter?
    /// How fast each client's uploads are sent at most; as fast as they can be unless said.
    public var pace: UploadPace?

    public init(to: Endpoint, _ transport: PeerProtocol) {
        self.to = to
        self.transport = transport
    }

    /// Carries it out in the calling thread's namespace.
    public func run() throws -> BulkReport {
        let total = Mutex(BulkReport())
        let start = MonotonicTime.now
        var threads: [SystemThread] = []
        defer { threads.forEach { $0.join() } }
        for index in 0..<downloads + uploads {
            let direction = index < downloads ? BulkDirection.download : .upload
            let source = from.isEmpty ? nil : from[index % from.count]
            threads.append(
                try SystemThread(named: "load") {
                    let outcome = Result { () throws(PeerError) in try BulkTransfer.fetch(self, direction, source) }
                    total.withLock { $0.add(outcome) }
                })
        }
        threads.forEach { $0.join() }
        threads = []
        var report = total.withLock(\.self)
        report.nanoseconds = MonotonicTime.now.nanoseconds(since: start)
        return report
    }
}

/// A rate that may change while an upload runs.
public final class UploadPace: Sendable {
    private let rate: Atomic<UInt64>

    public init(_ rate: BitRate) { self.rate = Atomic(rate.bitsPerSecond) }

    public func set(_ new: BitRate) { rate.store(new.bitsPerSecond, ordering: .relaxed) }

    func microseconds(for bytes: Int) -> UInt32 {
        UInt32(clamping: UInt64(bytes) * 8_000_000 / max(1, rate.load(ordering: .relaxed)))
    }
}

/// How a `BulkPlan` went.
public struct BulkReport: Sendable {
    /// Received, both directions together.
    public fileprivate(set) var bytes: UInt64 = 0
    /// From the first connect until the last byte and end had come.
    public fileprivate(set) var nanoseconds: UInt64 = 0
    /// The longest time, on any connection, in which a receiver got nothing.
    public fileprivate(set) var longestPause: UInt64 = 0
    public fileprivate(set) var failures: [PeerError: Int] = [:]

    public var bitsPerSecond: Double { Double(bytes) * 8e9 / Double(max(nanoseconds, 1)) }

    fileprivate mutating func add(_ outcome: Result<BulkTransfer.Received, PeerError>) {
        switch outcome {
        case .success(let received):
            bytes += received.bytes
            longestPause = max(longestPause, received.longestPause)
        case .failure(let error): failures[error, default: 0] += 1
        }
    }
}

/// One connection's part, on both of its ends.
enum BulkTransfer {
    /// The bound of each wait for the other end.
    static let limit = Duration.seconds(30)
    /// The best size for MPTCP on current kernels.
    private static let chunk = 256 << 10

    struct Received: Sendable {
        var bytes: UInt64 = 0
        /// Nanoseconds.
        var longestPause: UInt64 = 0
    }

    /// In the machine's own order: both ends are this program.
    private struct Request {
        var direction: UInt64
        var milliseconds: UInt64
    }

    static func fetch(
        _ plan: BulkPlan, _ direction: BulkDirection, _ source: IPAddress?
    ) throws(PeerError) -> Received {
        let connection = try PeerSocket.connected(to: plan.to, plan.transport, from: source, limit: limit)
        try connection.send(
            value: Request(direction: UInt64(direction.rawValue), milliseconds: UInt64(plan.duration.inSeconds * 1000)))
        return try withChunk { (chunk) throws(PeerError) in
            switch direction {
            case .download: return try receiveAll(connection, chunk, plan.meter)
            case .upload:
                try sendFor(plan.duration, connection, chunk, plan.pace)
                return try connection.receive(Received())
            }
        }
    }

    static func serve(_ connection: borrowing PeerSocket) throws(PeerError) {
        let request = try connection.receive(Request(direction: 0, milliseconds: 0))
        try withChunk { (chunk) throws(PeerError) in
            switch BulkDirection(rawValue: UInt8(truncatingIfNeeded: request.direction)) {
            case .download:
                try sendFor(.milliseconds(Int64(request.milliseconds)), connection, chunk)
                try connection.receiveEnd(with: chunk)
            case .upload:
                try connection.send(value: try receiveAll(connection, chunk))
            case nil: throw .noRequest
            }
        }
    }

    /// Sends for so long, then ends the stream.
    private static func sendFor(
        _ duration: Duration, _ connection: borrowing PeerSocket, _ chunk: UnsafeMutableRawBufferPointer,
        _ pace: UploadPace? = nil
    ) throws(PeerError) {
        let deadline = MonotonicTime.now + duration
        let part = UnsafeRawBufferPointer(
            rebasing: UnsafeRawBufferPointer(chunk)[..<(pace == nil ? chunk.count : 32 << 10)])
        while .now < deadline {
            try connection.send(part)
            if let pace { usleep(pace.microseconds(for: part.count)) }
        }
        connection.endStream()
    }

    private static func receiveAll(
        _ connection: borrowing PeerSocket, _ chunk: UnsafeMutableRawBufferPointer, _ meter: ByteMeter? = nil
    ) throws(PeerError) -> Received {
        var received = Received()
        var last = MonotonicTime.now
        while case let count = try connection.receive(chunk), count > 0 {
            let now = MonotonicTime.now
            received.longestPause = max(received.longestPause, now.nanoseconds(since: last))
            received.bytes += UInt64(count)
            meter?.add(count)
            last = now
        }
        return received
    }

    private static func withChunk<Value>(
        _ body: (UnsafeMutableRawBufferPointer) throws(PeerError) -> Value
    ) throws(PeerError) -> Value {
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: chunk, alignment: 4096)
        defer { chunk.deallocate() }
        chunk.initializeMemory(as: UInt8.self, repeating: 0x5a)
        return try body(chunk)
    }
}

extension PeerSocket {
    fileprivate func send<Value: BitwiseCopyable>(value: Value) throws(PeerError) {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: MemoryLayout<Value>.size, alignment: 8)
        defer { room.deallocate() }
        room.storeBytes(of: value, as: Value.self)
        try send(UnsafeRawBufferPointer(room))
    }

    /// A value of the same type; `empty` is overwritten.
    fileprivate func receive<Value: BitwiseCopyable>(_ empty: Value) throws(PeerError) -> Value {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: MemoryLayout<Value>.size, alignment: 8)
        defer { room.deallocate() }
        var filled = 0
        while filled < room.count {
            let count = try receive(UnsafeMutableRawBufferPointer(rebasing: room[filled...]))
            if count == 0 { throw .cutShort }
            filled += count
        }
        return room.load(as: Value.self)
    }
}
