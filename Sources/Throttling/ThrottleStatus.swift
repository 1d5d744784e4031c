public import Steering
import Synchronization
public import TrafficControl
public import Wire

/// How a rule fares.
public struct ThrottleStatus: Sendable {
    public struct Class: Sendable {
        /// Minor number under the HTB's handle.
        public let number: UInt8
        public let direction: ShapingDirection
        public let interface: String
        /// Whose class it is, if it isn't everybody's.
        public let client: IPAddress?
        public let subflow: FourTuple?
        public let subflows: Int
        /// Bits per second.
        public let rate: UInt64
        public let counters: ClassCounters
        /// Bits per second in the last seconds.
        public let recent: UInt64
    }

    /// Of all classes on an interface, those that are no more included.
    public struct Sum: Sendable {
        public let direction: ShapingDirection
        public let interface: String
        public let bytes: UInt64
        public let drops: UInt64
    }

    public let rule: ThrottleRule
    /// Was it added or changed at run time?
    public let isChanged: Bool
    /// False while a conditional throttle's path isn't congested.
    public let isOn: Bool
    /// Why it does nothing now, or not everywhere; nil if nothing stands in its way.
    public let obstacle: String?
    /// Subflows held now, and ever.
    public let subflows: Int
    public let matched: UInt64
    /// How often a subflow could not be held, for want of a class or for an error.
    public let refused: UInt64
    public let classes: [Class]
    /// One for each interface and direction that the rule shapes.
    public let sums: [Sum]
}

/// Which rule holds which subflow, for whoever asks from another thread.
final class HeldNames: Sendable {
    private let names = Mutex<[FourTuple: String]>([:])

    subscript(tuple: FourTuple) -> String? {
        get { names.withLock { $0[tuple] } }
        set { names.withLock { $0[tuple] = newValue } }
    }
}
