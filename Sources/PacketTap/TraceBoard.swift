import Synchronization

/// Who asks for packets: a file, or somebody who looks on. Counted by packet threads and by the trace thread.
public final class TraceReader: Sendable {
    public let filter: PacketFilter
    /// Packets that passed the filter. Each is then written, or dropped.
    public let matched = Atomic<UInt64>(0)
    /// Those that were dropped, by interface.
    public let dropped = InterfaceCounts()

    public init(_ filter: PacketFilter) { self.filter = filter }
}

/// The readers at one time.
public struct TraceAudience: Sendable {
    /// 0: there are none.
    public fileprivate(set) var number: UInt32 = 0
    public fileprivate(set) var readers: [TraceReader] = []

    /// A bit for each in a record.
    public static let mostReaders = 16
}

/// Where packet threads see who asks for packets. With nobody there, a look is one load and one branch.
public final class TraceBoard: Sendable {
    private let audience = Mutex(TraceAudience())
    private let number = Atomic<UInt32>(0)
    private let lastNumber = Atomic<UInt32>(0)

    public init() {}

    /// Has packet threads note packets for these readers from now on, `TraceAudience.mostReaders` at most.
    public func publish(_ readers: [TraceReader]) -> TraceAudience {
        precondition(readers.count <= TraceAudience.mostReaders)
        let new = lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
        return audience.withLock { audience in
            audience.number = readers.isEmpty ? 0 : new
            audience.readers = readers
            number.store(audience.number, ordering: .releasing)
            return audience
        }
    }

    var currentNumber: UInt32 { number.load(ordering: .relaxed) }

    var current: TraceAudience { audience.withLock { $0 } }
}
