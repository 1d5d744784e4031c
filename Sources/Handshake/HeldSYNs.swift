import Wire

/// The held SYNs, by the id of their dial and by 4-tuple. Times are nanoseconds of a steady clock.
struct HeldSYNs: Sendable {
    private struct Entry {
        let syn: SYNIdentity
        /// When it goes on, whatever has become of the stream path.
        let deadline: UInt64
        /// It waits for an answer about its token, and not for one of its server.
        var isJoin = false
    }

    private var entries: [UInt64: Entry] = [:]
    private var ids: [FourTuple: UInt64] = [:]
    private var lastID: UInt64

    init(firstID: UInt64) { lastID = firstID }

    var count: Int { entries.count }

    func contains(_ tuple: FourTuple) -> Bool { ids[tuple] != nil }

    /// Returns the id for its dial. `timeout`: how long the stream path takes at most for an answer.
    mutating func hold(_ syn: SYNIdentity, at now: UInt64, timeout: Duration) -> UInt64 {
        lastID += 1
        entries[lastID] = Entry(syn: syn, deadline: now &+ Self.patience(timeout).nanoseconds)
        ids[syn.tuple] = lastID
        return lastID
    }

    /// As above, of a join; until a time.
    mutating func hold(_ syn: SYNIdentity, until deadline: UInt64) -> UInt64 {
        lastID += 1
        entries[lastID] = Entry(syn: syn, deadline: deadline, isJoin: true)
        ids[syn.tuple] = lastID
        return lastID
    }

    func isJoin(_ id: UInt64) -> Bool { entries[id]?.isJoin ?? false }

    /// nil: none is held with this id.
    mutating func release(_ id: UInt64) -> SYNIdentity? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        ids[entry.syn.tuple] = nil
        return entry.syn
    }

    /// Those whose time is over, in the order in which they came. A loop, since a lazy filter would put its closure on the heap,
    /// and this is asked every turn.
    func overdue(at now: UInt64) -> [UInt64] {
        var ids: [UInt64] = []
        for (id, entry) in entries where entry.deadline < now { ids.append(id) }
        ids.sort()
        return ids
    }

    /// Below the second after which a client sends its SYN again, unless the server is known to take longer; and after the
    /// stream path has had its time.
    static func patience(_ timeout: Duration) -> Duration {
        max(timeout + .milliseconds(50), min(timeout + .milliseconds(250), .milliseconds(900)))
    }
}

extension Duration {
    /// Whole nanoseconds; 0 for a negative one.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        return UInt64(max(0, seconds)) &* 1_000_000_000 &+ UInt64(max(0, attoseconds) / 1_000_000_000)
    }
}
