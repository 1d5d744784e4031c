import LinuxSystem
import Synchronization
public import Wire

/// A number of conversations with a `PeerServer`.
public struct FetchPlan: Sendable {
    public var to: Endpoint
    public var transport: PeerProtocol
    public var operation = PeerRequest.Operation.download
    /// Conversations in all.
    public var count = 1
    /// Conversations at a time.
    public var parallel = 1
    /// Each conversation's length in bytes is drawn from here, by `seed`.
    public var length: ClosedRange<UInt64> = 0...1_000_000
    /// Conversation i carries the payload of `seed + i`.
    public var seed: UInt32 = 1
    /// How long each connection is kept when all is said, before it is closed; for `clientEndsFirst`, how long nothing is
    /// read.
    public var hold = Duration.zero
    /// For `silence`: how long the server says nothing, in seconds.
    public var pause: UInt8 = 0
    /// Resets the connection when so many bytes have gone over (downloads and uploads).
    public var abortAfter: UInt64?
    /// For `echo`: the bytes that go there before they come back, 1-65536.
    public var step = UInt64(Payload.blockSize)
    /// TCP keepalive; nil: none.
    public var keepalive: Keepalive?
    /// The address to connect from.
    public var from: IPAddress?
    /// Whether to count by how many subflows payload came or went (downloads and uploads).
    public var countsSubflows = false
    /// The bound of each wait for the server.
    public var limit = Duration.seconds(60)

    public init(to: Endpoint, _ transport: PeerProtocol) {
        self.to = to
        self.transport = transport
    }

    /// When an idle connection is probed, in seconds, and how many probes without an answer end it.
    public struct Keepalive: Sendable {
        public var idle: Int32
        public var interval: Int32
        public var count: Int32

        public init(idle: Int32, interval: Int32, count: Int32) {
            self.idle = idle
            self.interval = interval
            self.count = count
        }
    }

    func request(_ index: Int) -> PeerRequest {
        let seed = self.seed &+ UInt32(truncatingIfNeeded: index)
        var length = self.length.lowerBound
        if self.length.count > 1 {
            let random = Payload(seed: seed).bytes(at: 0, limit: 8).loadUnaligned(as: UInt64.self)
            length += random % (self.length.upperBound - self.length.lowerBound + 1)
        }
        return PeerRequest(operation, length: length, seed: seed, pause: pause)
    }
}

/// How a `FetchPlan` went.
public struct FetchReport: Sendable {
    public fileprivate(set) var completed = 0
    /// What went wrong, how often.
    public fileprivate(set) var failures: [PeerError: Int] = [:]
    /// Bytes of payload that were verified.
    public fileprivate(set) var bytes: UInt64 = 0
    public fileprivate(set) var duration = Duration.zero
    /// How many connections had so many subflows that carried payload, if that was planned.
    public fileprivate(set) var usedSubflows: [Int: Int] = [:]
    /// From `connect` until it returned, of connections that were completed.
    public fileprivate(set) var connectTimes: [Duration] = []

    public var isSuccess: Bool { failures.isEmpty }
    public var bitsPerSecond: Double { Double(bytes) * 8 / max(duration.inSeconds, 1e-9) }
}

extension FetchPlan {
    /// Carries it out in the calling thread's namespace, which its threads inherit; returns when the last conversation
    /// has ended.
    public func run() throws -> FetchReport {
        let progress = Progress()
        let start = ContinuousClock.now
        var workers: [SystemThread] = []
        defer { workers.forEach { $0.join() } }
        for _ in 0..<min(parallel, count) {
            workers.append(try SystemThread(named: "fetch") { work(progress) })
        }
        workers.forEach { $0.join() }
        workers = []
        var report = progress.report.withLock(\.self)
        report.duration = .now - start
        return report
    }

    private final class Progress: Sendable {
        let next = Atomic(0)
        let report = Mutex(FetchReport())
    }

    private func work(_ progress: Progress) {
        while case let index = progress.next.wrappingAdd(1, ordering: .relaxed).oldValue, index < count {
            let outcome = Result { () throws(PeerError) in try PeerClient.converse(request(index), self) }
            progress.report.withLock { report in
                switch outcome {
                case .success(let outcome):
                    report.completed += 1
                    report.bytes += outcome.bytes
                    report.connectTimes.append(outcome.connectTime)
                    if let subflows = outcome.usedSubflows { report.usedSubflows[subflows, default: 0] += 1 }
                case .failure(let error): report.failures[error, default: 0] += 1
                }
            }
        }
    }
}

extension Lab {
    /// Carries out a plan in a node.
    public func fetch(in node: Node = .client(0), _ plan: FetchPlan) async throws -> FetchReport {
        try await inside(node) { try plan.run() }
    }

    /// Starts a test server on a node's port, on all its addresses of both families; it stops with the lab at the
    /// latest.
    @discardableResult
    public func serve(
        in node: Node = .server(0), port: UInt16 = 5000, _ transport: PeerProtocol = .tcp
    ) async throws -> PeerServer {
        let wildcards = ["0.0.0.0", "::"].map { Endpoint(address: IPAddress($0)!, port: port) }
        let server = try await inside(node) {
            try PeerServer(listeningOn: wildcards, transport, congestionControl: self.configuration.congestionControl)
        }
        try state.withLock { state in
            guard !state.isTornDown else {
                server.stop()
                throw LabError.tornDown
            }
            state.peers.append(server)
        }
        return server
    }
}
