public import Wire

/// An interface as the kernel numbers it now.
public struct ShapedInterface: Hashable, Sendable {
    public let index: UInt32
    public let name: String

    public init(index: UInt32, name: String) {
        self.index = index
        self.name = name
    }
}

/// Which way data goes, as the client sees it.
public enum ShapingDirection: String, Hashable, Sendable, CaseIterable {
    /// Packets that leave by the interface.
    case download
    /// Packets that come in by it.
    case upload
}

/// What a class has carried since it was made.
public struct ClassCounters: Hashable, Sendable {
    public var bytes: UInt64 = 0
    public var packets: UInt64 = 0
    public var drops: UInt64 = 0
    public var overlimits: UInt64 = 0
    /// Bytes that wait now.
    public var backlog: UInt64 = 0

    public init() {}
}

/// Sluice's qdiscs, classes and filters. Belongs to the thread that made it, and to the network namespace of that.
public final class TrafficControl {
    /// Major number of the HTB qdiscs.
    public static let handle: UInt16 = 0x7700

    /// `device`: the name of the IFB device that uploads are led through.
    public init(device: String) throws(TrafficControlError) {}

    /// Removes everything of ours from every interface, whoever put it there, and puts back what was taken over.
    public static func removeAll() throws(TrafficControlError) {}

    /// Why ours can't be put on this interface; nil if it can, or is there already. Changes nothing.
    public func obstacle(
        _ interface: ShapedInterface, _ direction: ShapingDirection, takeOver: Bool
    ) -> TrafficControlError? { nil }

    /// Puts ours on the interface, without a class; does nothing if it is there already.
    public func attach(
        _ interface: ShapedInterface, _ direction: ShapingDirection, takeOver: Bool
    ) throws(TrafficControlError) {}

    /// Takes ours away with all its classes and filters, and puts back what was there before.
    public func detach(_ interface: ShapedInterface, _ direction: ShapingDirection) throws(TrafficControlError) {}

    /// Has the kernel still what `attach` put there?
    public func isAttached(_ interface: ShapedInterface, _ direction: ShapingDirection) -> Bool { true }

    /// Makes the class, or changes its rate without losing what waits in it. `rate` in bits per second; nil: as fast as
    /// it can.
    public func setClass(
        _ number: UInt8, _ interface: ShapedInterface, _ direction: ShapingDirection, rate: UInt64?
    ) throws(TrafficControlError) {}

    /// Removes the class; what waits in it is lost.
    public func removeClass(
        _ number: UInt8, _ interface: ShapedInterface, _ direction: ShapingDirection
    ) throws(TrafficControlError) {}

    /// Leads what comes in from the tuple's client to its server by this interface into an upload class.
    public func steer(
        _ tuple: FourTuple, _ interface: ShapedInterface, into number: UInt8
    ) throws(TrafficControlError) {}

    /// Ends `steer`.
    public func release(_ tuple: FourTuple, _ interface: ShapedInterface) throws(TrafficControlError) {}

    /// The classes that there are, by their numbers.
    public func counters(
        _ interface: ShapedInterface, _ direction: ShapingDirection
    ) throws(TrafficControlError) -> [UInt8: ClassCounters] { [:] }
}

/// What the kernel refused, or what stands in the way; and the mend.
public struct TrafficControlError: Error, Hashable, CustomStringConvertible {
    public let problem: String
    public let mend: String

    public init(_ problem: String, mend: String) {
        self.problem = problem
        self.mend = mend
    }

    public var description: String { mend.isEmpty ? problem : "\(problem); \(mend)" }
}
