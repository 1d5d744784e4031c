/// What the programs that have captured say of all their packets (interface statistics blocks,
/// draft-ietf-opsawg-pcapng section 4.6). nil: no block says it.
public struct CaptureStatistics: Hashable, Sendable {
    /// Packets that the program was given (isb_usrdeliv).
    public internal(set) var delivered: UInt64?
    /// Packets that were lost for want of room (isb_ifdrop and isb_osdrop).
    public internal(set) var dropped: UInt64?

    /// What `other` says is added, and what only one of them says stays.
    fileprivate mutating func add(_ other: Self) {
        delivered = Self.sum(delivered, other.delivered)
        dropped = Self.sum(dropped, other.dropped)
    }

    /// Files state any number: the sum ends at the greatest.
    static func sum(_ one: UInt64?, _ other: UInt64?) -> UInt64? {
        guard let one, let other else { return one ?? other }
        let (sum, isTooMuch) = one.addingReportingOverflow(other)
        return isTooMuch ? .max : sum
    }
}

/// Adds up a file's blocks. Each counts from the beginning of its interface's capture on, so the last one of an interface
/// is what holds; sections count for themselves.
struct StatisticsTally {
    private var sections = CaptureStatistics()
    /// Of the section at hand, by interface.
    private var interfaces: [Int: CaptureStatistics] = [:]

    private var hasAny = false

    /// nil: there was no such block.
    var total: CaptureStatistics? {
        guard hasAny else { return nil }
        return interfaces.values.reduce(into: sections) { $0.add($1) }
    }

    mutating func note(_ statistics: CaptureStatistics, of interface: Int) {
        hasAny = true
        interfaces[interface] = statistics
    }

    mutating func beginSection() {
        sections = total ?? sections
        interfaces = [:]
    }
}
