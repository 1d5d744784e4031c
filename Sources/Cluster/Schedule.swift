import Wire

/// What is due later, in the order in which it was put in: all of it after the same time.
struct Schedule: Sendable {
    struct Entry: Sendable {
        let tuple: FourTuple
        /// Tells its connection from an earlier one with the same ports.
        let serial: UInt64
        let due: UInt64
    }

    private var entries: [Entry] = []
    /// The first that still counts.
    private var head = 0

    var count: Int { entries.count - head }
    /// Those that count no more included.
    var places: Int { entries.count }
    /// nil: there is nothing.
    var nextDue: UInt64? { head < entries.count ? entries[head].due : nil }

    mutating func append(_ entry: Entry) { entries.append(entry) }

    /// nil: nothing is due.
    mutating func takeDue(at now: UInt64) -> Entry? {
        guard head < entries.count, entries[head].due <= now else { return nil }
        defer {
            head += 1
            if head == entries.count || head > 65536 {
                entries.removeFirst(head)
                head = 0
            }
        }
        return entries[head]
    }

    mutating func keep(_ isKept: (Entry) -> Bool) {
        entries = entries[head...].filter(isKept)
        head = 0
    }
}
