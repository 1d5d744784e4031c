import Synchronization

/// Counts by interface, added to by several threads without a lock. Sixty-three interfaces have a count of their own;
/// those beyond share one, under number 0.
public final class InterfaceCounts: @unchecked Sendable {
    private static let places = 64
    private let keys: UnsafeMutablePointer<Atomic<UInt32>>
    private let counts: UnsafeMutablePointer<Atomic<UInt64>>

    public init() {
        keys = .allocate(capacity: Self.places)
        counts = .allocate(capacity: Self.places)
        for place in 0..<Self.places {
            (keys + place).initialize(to: Atomic(0))
            (counts + place).initialize(to: Atomic(0))
        }
    }

    deinit {
        keys.deinitialize(count: Self.places).deallocate()
        counts.deinitialize(count: Self.places).deallocate()
    }

    /// `interface`: its index.
    public func count(_ interface: UInt32, by amount: UInt64 = 1) {
        (counts + place(of: interface)).pointee.wrappingAdd(amount, ordering: .relaxed)
    }

    public var total: UInt64 { (0..<Self.places).reduce(0) { $0 &+ (counts + $1).pointee.load(ordering: .relaxed) } }

    /// Those that aren't 0.
    public var byInterface: [UInt32: UInt64] {
        var all: [UInt32: UInt64] = [:]
        for place in 0..<Self.places {
            let count = (counts + place).pointee.load(ordering: .relaxed)
            if count > 0 { all[(keys + place).pointee.load(ordering: .relaxed)] = count }
        }
        return all
    }

    /// Its own, found from its number on or taken now; place 0 belongs to number 0 and all that have found none.
    private func place(of interface: UInt32) -> Int {
        guard interface != 0 else { return 0 }
        for step in 0..<UInt32(Self.places) {
            let place = Int((interface &+ step) % UInt32(Self.places))
            guard place != 0 else { continue }
            let (taken, holder) = (keys + place).pointee.compareExchange(
                expected: 0, desired: interface, ordering: .relaxed)
            if taken || holder == interface { return place }
        }
        return 0
    }
}
