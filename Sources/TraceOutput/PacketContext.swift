import PacketTap
import Tracking
import Wire

/// What is known of a packet beside its bytes.
public struct PacketContext: Sendable {
    public enum Direction: Sendable {
        case inbound, outbound
    }

    /// Counts packets from 1.
    public var frame: Int
    /// Nanoseconds since 1970.
    public var time: Int64?
    /// Is it known to the nanosecond? Else to the microsecond.
    public var hasNanoseconds = false
    public var interface: String?
    /// At the machine that has captured it.
    public var direction: Direction?
    /// What the tracker said of it; nil: no connection's that it knows.
    public var sighting: Sighting?
    /// Of its connection.
    public var token: Token?
    public var events: [TrackingEvent] = []
    /// It had been captured elsewhere before, and is not counted again.
    public var isCopy = false
    /// What was decided about it, if it is a packet of Sluice's.
    public var decision: PacketDecision?

    public init(frame: Int, time: Int64?) {
        self.frame = frame
        self.time = time
    }
}

extension PacketContext {
    /// `frame`: counts the records from 1. `time`: nanoseconds since 1970. `interface`: the name of the record's. `owner`: the
    /// other box whose connection it belongs to, if it goes there.
    public init(
        _ record: borrowing TraceRecord, frame: Int, time: Int64, interface: String, trafficClass: String?,
        owner: String? = nil
    ) {
        self.init(frame: frame, time: time)
        hasNanoseconds = true
        self.interface = interface
        direction = record.direction
        sighting = record.sighting
        token = record.sighting == nil ? nil : record.facts.token
        decision = PacketDecision(record, trafficClass: trafficClass, owner: owner)
        for index in record.events.indices {
            if let event = record.events[index] { events.append(event) }
        }
    }

    /// What the segment has changed of its own connection; `forgotten` is another one's end.
    func forEachEvent(_ body: (TrackingEvent) -> Void) {
        for event in events where event.isWorthALine {
            if let sighting, event.connection != sighting.connection { continue }
            body(event)
        }
    }
}

extension TraceRecord {
    public var direction: PacketContext.Direction { facts.inDevice != 0 ? .inbound : .outbound }
}
