import Foundation

/// `GET /v1/traces`: what has become of the packets that passed a trace's filter. matched = written + dropped, but for
/// those on their way.
public struct TraceReport: Codable, Sendable {
    public var id: UInt64
    /// `file`: [trace] of the configuration; `live`: somebody who looks on; `ended`: the sum of those that are no more.
    public var kind: String
    public var matched: UInt64
    public var written: UInt64
    public var dropped: UInt64
    /// Steering events that were written, and those that were dropped; no packets, and in none of the counts above.
    public var events: UInt64
    public var eventsDropped: UInt64

    public init(
        id: UInt64, kind: String, matched: UInt64, written: UInt64, dropped: UInt64, events: UInt64,
        eventsDropped: UInt64
    ) {
        self.id = id
        self.kind = kind
        self.matched = matched
        self.written = written
        self.dropped = dropped
        self.events = events
        self.eventsDropped = eventsDropped
    }
}

/// `GET /v1/decisions?client=ADDRESS[/LENGTH][:PORT]`: why clients' connections were converted, or not.
public struct DecisionsReport: Codable, Sendable {
    public struct Decision: Codable, Sendable {
        /// Seconds since 1970.
        public var time: Double
        public var client: String
        public var server: String
        @Nullable public var interface: String?
        /// Of an MP_JOIN, the connection that it wants to join.
        @Nullable public var token: String?
        public var verdict: String
        public var reason: String
        /// Microseconds for which the SYN was held.
        @Nullable public var heldUs: Double?
        /// What that means, and what to do about it if something can be done.
        public var explanation: String
        /// What the tracker knows of the connection now.
        @Nullable public var state: String?

        public init(
            time: Double, client: String, server: String, interface: String?, token: String?, verdict: String,
            reason: String, heldUs: Double?, explanation: String, state: String?
        ) {
            self.time = time
            self.client = client
            self.server = server
            _interface = Nullable(wrappedValue: interface)
            _token = Nullable(wrappedValue: token)
            self.verdict = verdict
            self.reason = reason
            _heldUs = Nullable(wrappedValue: heldUs)
            self.explanation = explanation
            _state = Nullable(wrappedValue: state)
        }
    }

    /// Decisions that are remembered, about all clients.
    public var remembered: Int
    /// The newest first.
    public var decisions: [Decision]
    /// What was decided of late about the paths that clients take; the newest first.
    public var steering: [PathsReport.Decision]

    public init(remembered: Int, decisions: [Decision], steering: [PathsReport.Decision]) {
        self.remembered = remembered
        self.decisions = decisions
        self.steering = steering
    }
}

/// A trace that runs: its bytes as they come.
public struct TraceStream: Sendable {
    public var id: UInt64
    /// nil at its end.
    public var next: @Sendable () async -> [UInt8]?
    /// Nobody takes any more.
    public var abandon: @Sendable () -> Void

    public init(
        id: UInt64, next: @escaping @Sendable () async -> [UInt8]?, abandon: @escaping @Sendable () -> Void
    ) {
        self.id = id
        self.next = next
        self.abandon = abandon
    }
}
