import LinuxSystem
import Wire

/// A worker's sessions by slot. A slot's generation tells a late event or deadline of an earlier session apart.
struct SessionTable {
    private var slots: [Session?] = []
    private var free: [Int] = []
    private var generation: UInt32 = 0

    private(set) var count = 0

    mutating func insert(_ tuple: FourTuple, phase: Session.Phase, now: MonotonicTime) -> Session {
        let slot = free.popLast() ?? slots.count
        // 29 bits, as the tag has room for.
        generation = (generation + 1) & 0x1fff_ffff
        let session = Session(tuple, phase: phase, slot: slot, generation: generation, now: now)
        if slot == slots.count { slots.append(session) } else { slots[slot] = session }
        count += 1
        return session
    }

    mutating func remove(_ session: Session) {
        guard slots[session.slot] === session else { return }
        slots[session.slot] = nil
        free.append(session.slot)
        count -= 1
    }

    func session(slot: Int, generation: UInt32) -> Session? {
        guard slot < slots.count, let session = slots[slot], session.generation == generation else { return nil }
        return session
    }

    func forEach(_ body: (Session) -> Void) {
        for case let session? in slots { body(session) }
    }
}

/// What an epoll event is about, packed into its 64 bits.
enum EventTag {
    case mailbox
    case listener(ListenerTable.Key)
    case session(slot: Int, generation: UInt32, Session.Side)

    init(_ bits: UInt64) {
        switch bits >> 62 {
        case 1: self = .listener(.init(port: UInt16(truncatingIfNeeded: bits), isIPv4: bits >> 16 & 1 == 1))
        case 2:
            self = .session(
                slot: Int(bits >> 1 & 0xffff_ffff), generation: UInt32(bits >> 33 & 0x1fff_ffff),
                bits & 1 == 0 ? .client : .server)
        default: self = .mailbox
        }
    }

    var bits: UInt64 {
        switch self {
        case .mailbox: 0
        case .listener(let key): 1 << 62 | (key.isIPv4 ? 1 << 16 : 0) | UInt64(key.port)
        case .session(let slot, let generation, let side):
            2 << 62 | UInt64(generation) << 33 | UInt64(slot) << 1 | UInt64(side.rawValue)
        }
    }
}

/// Deadlines that all lie the same time ahead, so that a queue keeps them in order.
struct DeadlineQueue {
    private struct Entry {
        let deadline: MonotonicTime
        let slot: Int
        let generation: UInt32
    }

    private var entries: [Entry] = []
    private var head = 0
    private let delay: Duration

    init(delay: Duration) { self.delay = delay }

    var next: MonotonicTime? { head < entries.count ? entries[head].deadline : nil }

    mutating func append(_ session: Session, now: MonotonicTime) {
        entries.append(Entry(deadline: now + delay, slot: session.slot, generation: session.generation))
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
