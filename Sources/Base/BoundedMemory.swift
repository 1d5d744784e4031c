/// A dictionary with a lifetime and a bound: an entry is forgotten when its time is over, or when room is needed, oldest
/// first. Time is passed in, in nanoseconds of any steady clock.
///
/// Inlinable, since each SYN asks several: unspecialized, a look-up asks the runtime for its types.
public struct BoundedMemory<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline struct Entry: Sendable {
        @usableFromInline let value: Value
        @usableFromInline let expiry: UInt64
        /// Tells an entry from an earlier one of the same key in `order`.
        @usableFromInline let serial: UInt64

        @inlinable init(value: Value, expiry: UInt64, serial: UInt64) {
            self.value = value
            self.expiry = expiry
            self.serial = serial
        }
    }

    @usableFromInline var entries: [Key: Entry] = [:]
    /// Keys in the order they were written; `head` is the first that still counts.
    @usableFromInline var order: [(key: Key, serial: UInt64)] = []
    @usableFromInline var head = 0
    @usableFromInline var serial: UInt64 = 0
    public let capacity: Int

    @inlinable public init(capacity: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
    }

    @inlinable public var count: Int { entries.count }

    @inlinable public func value(for key: Key, at now: UInt64) -> Value? {
        guard let entry = entries[key], entry.expiry > now else { return nil }
        return entry.value
    }

    /// Remembers a value for `lifetime` nanoseconds, instead of an earlier one of that key.
    @inlinable public mutating func remember(_ value: Value, for key: Key, at now: UInt64, lifetime: UInt64) {
        serial += 1
        if entries.updateValue(Entry(value: value, expiry: now &+ lifetime, serial: serial), forKey: key) == nil,
            entries.count > capacity
        {
            forgetOldest()
        }
        order.append((key, serial))
        forgetExpired(at: now)
        // Keys written again and again leave stale places behind the head.
        if order.count > 2 * capacity + 1024 { compact() }
    }

    @inlinable mutating func forgetOldest() {
        while head < order.count {
            let (key, written) = order[head]
            head += 1
            if entries[key]?.serial == written {
                entries[key] = nil
                return
            }
        }
    }

    /// Drops what lies at the head of the order and no longer counts; amortised constant time.
    @inlinable mutating func forgetExpired(at now: UInt64) {
        while head < order.count {
            let (key, written) = order[head]
            if let entry = entries[key], entry.serial == written {
                guard entry.expiry <= now else { break }
                entries[key] = nil
            }
            head += 1
        }
        if head > 1024, head * 2 > order.count { compact() }
    }

    /// In place: `filter` would make an array anew, and was seen to allocate two blocks for each key besides.
    @inlinable mutating func compact() {
        var kept = 0
        for index in head..<order.count where entries[order[index].key]?.serial == order[index].serial {
            order[kept] = order[index]
            kept += 1
        }
        order.removeLast(order.count - kept)
        head = 0
    }

    /// What still counts, oldest first, with the time at which each is forgotten.
    public func all(at now: UInt64) -> [(key: Key, value: Value, expiry: UInt64)] {
        order[head...].compactMap { key, serial in
            guard let entry = entries[key], entry.serial == serial, entry.expiry > now else { return nil }
            return (key, entry.value, entry.expiry)
        }
    }
}
