import Glibc
import LinuxSystem
public import Wire

/// Connections one after the other, and on each of them messages that come back, to measure how long the box takes to
/// convert them. The `LoadServer` answers.
public struct ConversionDelayPlan: Sendable {
    public var to: Endpoint
    public var transport: PeerProtocol
    /// The addresses to connect from, by turns; the first link's when empty.
    public var from: [IPAddress] = []
    public var connections = 500
    /// On each connection.
    public var messages = 10
    /// Bytes of a message, at least 8: it begins with its number.
    public var size = 64
    /// Before each connect and each message.
    public var pause = Duration.milliseconds(1)
    /// What runs meanwhile. It is given a moment to get going, and when its time is over there are no more connections,
    /// even if there were fewer than asked for.
    public var load: BulkPlan?

    public init(to: Endpoint, _ transport: PeerProtocol) {
        self.to = to
        self.transport = transport
    }

    /// Carries it out, but for the load, in the calling thread's namespace; connections that were made.
    fileprivate func run(until deadline: MonotonicTime?) throws -> Int {
        precondition(size >= 8, "a message has room for its number")
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
        defer { room.deallocate() }
        room.initializeMemory(as: UInt8.self, repeating: 0x5a)
        let isOver = { deadline.map { $0 < .now } ?? false }
        for made in 0..<connections {
            rest()
            if isOver() { return made }
            let source = from.isEmpty ? nil : from[made % from.count]
            let connection = try PeerSocket.connected(to: to, transport, from: source, limit: .seconds(10))
            connection.sendWithoutDelay()
            for message in 1...max(1, messages) where !isOver() {
                rest()
                try connection.bounce(room, number: UInt64(made * messages + message))
            }
        }
        return connections
    }

    private func rest() { usleep(useconds_t(pause.microseconds)) }
}

/// What a `ConversionDelayPlan` brought.
public struct ConversionDelayReport: Sendable {
    /// That were made.
    public let connections: Int
    public let delays: ConversionDelays
    /// How the load went.
    public let load: BulkReport?
}

extension Lab {
    /// Measures by what tcpdump sees on the box's interfaces, to nanoseconds. The first client connects.
    ///
    /// Throws `LabError.incompleteRecording` when packets are missing, `PeerError` when a connection failed.
    public func measureConversionDelay(_ plan: ConversionDelayPlan) async throws -> ConversionDelayReport {
        let recording = try await record(in: .box, filter: "tcp port \(plan.to.port)", .heads)
        async let load = plan.load.asyncMap { load in try await inside(.client(0)) { try load.run() } }
        var deadline: MonotonicTime?
        if let duration = plan.load?.duration {
            deadline = .now + duration
            try await Task.sleep(for: min(duration / 4, .milliseconds(300)))
        }
        let connections = try await inside(.client(0)) { [deadline] in try plan.run(until: deadline) }
        let report = try await load
        let path = try await recording.stop()
        let delays = ConversionDelays(try await boxSegments(inRecording: path))
        return ConversionDelayReport(connections: connections, delays: delays, load: report)
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func asyncMap<Value>(_ body: @Sendable (Wrapped) async throws -> Value) async throws -> Value? {
        if let self { try await body(self) } else { nil }
    }
}
