import Synchronization

/// Counts the bytes that an application has received, for whoever wants to see them grow.
public final class ByteMeter: Sendable {
    private let count = Atomic<UInt64>(0)

    public init() {}

    /// Bytes until now.
    public var bytes: UInt64 { count.load(ordering: .relaxed) }

    func add(_ bytes: Int) { count.wrappingAdd(UInt64(bytes), ordering: .relaxed) }
}
