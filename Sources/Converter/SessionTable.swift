import LinuxSystem
import Wire

/// A worker's sessions, by slot and by 4-tuple. A slot's generation tells a late event or deadline of an earlier session
/// apart.
struct SessionTable {
    private var slots: [Session?] = []
    private var free: [Int] = []
    private var generation: UInt32 = 0
    private var index = SlotIndex()

    private(set) var count = 0
    /// Free ones included.
    var slotCount: Int { slots.count }

    mutating func insert(_ tuple: FourTuple, phase: Session.Phase, now: MonotonicTime) -> Session {
        let slot = free.popLast() ?? slots.count
        // 29 bits, as the tag has room for.
        generation = (generation + 1) & 0x1fff_ffff
        let session = Session(tuple, phase: phase, slot: slot, generation: generation, now: now)
        if slot == slots.count { slots.append(session) } else { slots[slot] = session }
        count += 1
        index.insert(slot, hash: tuple.hashValue) { [slots] in slots[$0]!.tuple.hashValue }
        return session
    }

    mutating func remove(_ session: Session) {
        guard slots[session.slot] === session else { return }
        index.remove(session.slot, hash: session.tuple.hashValue) { [slots] in slots[$0]!.tuple.hashValue }
        slots[session.slot] = nil
        free.append(session.slot)
        count -= 1
        guard count == 0, slots.count > Self.mostKept else { return }
        // The place of what was many is given back.
        slots = []
        free = []
        index = SlotIndex()
    }

    /// Slots that are kept when there is no session.
    private static let mostKept = 256

    func session(slot: Int, generation: UInt32) -> Session? {
        guard slot < slots.count, let session = slots[slot], session.generation == generation else { return nil }
        return session
    }

    /// Those with this 4-tuple: one whose end takes time may have its successor beside it.
    func forEach(_ tuple: FourTuple, _ body: (Session) -> Void) {
        index.forEach(hash: tuple.hashValue) { slot in
            if let session = slots[slot], session.tuple == tuple { body(session) }
        }
    }

    /// The latest with this 4-tuple of which `condition` holds.
    func latest(_ tuple: FourTuple, where condition: (Session) -> Bool) -> Session? {
        var latest: Session?
        forEach(tuple) { session in
            guard condition(session) else { return }
            if latest.map({ $0.created <= session.created }) ?? true { latest = session }
        }
        return latest
    }

    /// Those of `limit` slots, from one on (0 at first), and the slot to go on from; nil at the end.
    func chunk(from slot: Int, limit: Int) -> (sessions: [Session], next: Int?) {
        let end = min(slots.count, slot + limit)
        guard slot < end else { return ([], nil) }
        return (slots[slot..<end].compactMap { $0 }, end < slots.count ? end : nil)
    }

    /// The same without an array.
    func forEach(from slot: Int, limit: Int, _ body: (Session) -> Void) -> Int? {
        let end = min(slots.count, slot + limit)
        for index in slot..<max(slot, end) { if let session = slots[index] { body(session) } }
        return end < slots.count ? end : nil
    }

    func forEach(_ body: (Session) -> Void) {
        for case let session? in slots { body(session) }
    }
}

/// Slots by the hash of what is in them, four bytes for each place: open addressing with linear probing, at most half
/// full. What is in a slot is its owner's to know, which says what its hash is and whether it is one that is wanted.
struct SlotIndex {
    private var places = [Int32](repeating: -1, count: 16)
    private var count = 0

    /// The slots of this hash, and perhaps of others.
    func forEach(hash: Int, _ body: (Int) -> Void) {
        var place = home(hash)
        while places[place] >= 0 {
            body(Int(places[place]))
            place = next(place)
        }
    }

    /// `hashOf`: of what is in another slot.
    mutating func insert(_ slot: Int, hash: Int, hashOf: (Int) -> Int) {
        if (count + 1) * 2 > places.count { grow(hashOf) }
        count += 1
        put(Int32(slot), hash)
    }

    mutating func remove(_ slot: Int, hash: Int, hashOf: (Int) -> Int) {
        var hole = home(hash)
        while places[hole] != Int32(slot) {
            precondition(places[hole] >= 0, "a slot that isn't in the index")
            hole = next(hole)
        }
        // Those behind it that a search would no longer find move up (Knuth, The Art of Computer Programming 6.4, R).
        var place = next(hole)
        while places[place] >= 0 {
            let distance = (place - home(hashOf(Int(places[place])))) & (places.count - 1)
            if distance >= (place - hole) & (places.count - 1) {
                places[hole] = places[place]
                hole = place
            }
            place = next(place)
        }
        places[hole] = -1
        count -= 1
    }

    private func home(_ hash: Int) -> Int { hash & (places.count - 1) }

    private func next(_ place: Int) -> Int { (place + 1) & (places.count - 1) }

    private mutating func put(_ slot: Int32, _ hash: Int) {
        var place = home(hash)
        while places[place] >= 0 { place = next(place) }
        places[place] = slot
    }

    private mutating func grow(_ hashOf: (Int) -> Int) {
        let old = places
        places = [Int32](repeating: -1, count: old.count * 2)
        for slot in old where slot >= 0 { put(slot, hashOf(Int(slot))) }
    }
}

/// What an epoll event is about, packed into the 61 bits of a loop thread's tag.
enum EventTag {
    case mailbox
    case listener(ListenerTable.Key)
    case session(slot: Int, generation: UInt32, Session.Side)

    init(_ bits: UInt64) {
        switch bits >> 59 {
        case 1: self = .listener(.init(port: UInt16(truncatingIfNeeded: bits), isIPv4: bits >> 16 & 1 == 1))
        case 2:
            self = .session(
                slot: Int(bits >> 1 & 0x1fff_ffff), generation: UInt32(bits >> 30 & 0x1fff_ffff),
                bits & 1 == 0 ? .client : .server)
        default: self = .mailbox
        }
    }

    var bits: UInt64 {
        switch self {
        case .mailbox: 0
        case .listener(let key): 1 << 59 | (key.isIPv4 ? 1 << 16 : 0) | UInt64(key.port)
        case .session(let slot, let generation, let side):
            2 << 59 | UInt64(generation) << 30 | UInt64(slot) << 1 | UInt64(side.rawValue)
        }
    }
}

/// Deadlines in their order. Most lie the same time ahead, so that a new one belongs at the end.
struct DeadlineQueue {
    private struct Entry {
        let deadline: MonotonicTime
        let slot: Int
        let generation: UInt32
    }

    private var entries: [Entry] = []
    private var head = 0
    /// Of those that are appended.
    private let delay: Duration

    init(delay: Duration = .zero) { self.delay = delay }

    var next: MonotonicTime? { head < entries.count ? entries[head].deadline : nil }

    mutating func append(_ session: Session, now: MonotonicTime) {
        insert(session, at: now + delay)
    }

    mutating func insert(_ session: Session, at deadline: MonotonicTime) {
        var index = entries.count
        while index > head, entries[index - 1].deadline > deadline { index -= 1 }
        entries.insert(Entry(deadline: deadline, slot: session.slot, generation: session.generation), at: index)
    }

    /// Takes the next session whose time has come; nil when there is none.
    mutating func popExpired(in table: SessionTable, now: MonotonicTime) -> Session? {
        while head < entries.count, entries[head].deadline <= now {
            let entry = entries[head]
            head += 1
            if let session = table.session(slot: entry.slot, generation: entry.generation) { return session }
        }
        if head > 256, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return nil
    }
}
