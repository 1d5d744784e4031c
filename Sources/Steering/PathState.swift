/// How a path fares.
public enum PathState: String, Hashable, Sendable, CaseIterable {
    /// It has room.
    case fit
    /// It is full: its capacity is used up, or packets wait or are lost.
    case congested
    /// It works, but not as well as a rule asks for (`max_rtt`, `max_loss`), or its volume is used up.
    case unfit
    /// Its interface is down, or nothing that is sent by it is acknowledged.
    case down
}

/// What is held against a path, in the order in which it counts.
public enum PathFault: Hashable, Sendable {
    case interfaceDown
    /// So many subflows wait for overdue acknowledgements, and no other has had one.
    case silent(subflows: Int)
    case capUsed(VolumeCap)
    /// Microseconds.
    case roundTripTime(Double, limit: Double)
    /// Shares of what was sent.
    case loss(Double, limit: Double)
    /// Bits per second.
    case use(Double, of: Double, direction: PathDirection)
    /// The round trip in microseconds, and the shortest one.
    case queue(Double, shortest: Double)
    case retransmissions(Double)

    public var state: PathState {
        switch self {
        case .interfaceDown, .silent: .down
        case .capUsed, .roundTripTime, .loss: .unfit
        case .use, .queue, .retransmissions: .congested
        }
    }
}

/// Which way data go, as the client sees it.
public enum PathDirection: String, Hashable, Sendable, CaseIterable {
    case download, upload
}

extension PathFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .interfaceDown: "its interface is down"
        case .silent(let subflows): "nothing is acknowledged on \(subflows) subflow\(subflows == 1 ? "" : "s")"
        case .capUsed(let cap): "its volume for this \(cap.period.rawValue) is used up"
        case .roundTripTime(let time, let limit): "RTT \(milliseconds(time)) > \(milliseconds(limit))"
        case .loss(let share, let limit): "loss \(percent(share)) > \(percent(limit))"
        case .use(let rate, let capacity, let direction):
            "\(direction.rawValue) \(megabits(rate)) of \(megabits(capacity))"
        case .queue(let time, let shortest): "RTT \(milliseconds(time)), \(milliseconds(shortest)) when empty"
        case .retransmissions(let share): "\(percent(share)) sent again"
        }
    }
}

// One digit behind the point, without Foundation.

func tenths(_ value: Double) -> String {
    guard let tenths = Int(exactly: (value * 10).rounded()) else { return "\(value)" }
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
}

func percent(_ share: Double) -> String { tenths(share * 100) + " %" }
func milliseconds(_ microseconds: Double) -> String { tenths(microseconds / 1000) + " ms" }
func megabits(_ bitsPerSecond: Double) -> String { tenths(bitsPerSecond / 1e6) + " Mbit/s" }
