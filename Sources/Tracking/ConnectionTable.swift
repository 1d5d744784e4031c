/// Connections in slots that are used again, each in one of three lists that are ordered by idleness.
///
/// A connection lies in memory of the table's own, which hands out its address: out of an array of optional ones it would
/// be copied, and each of its arrays retained, to read one of its fields (docs/performance.md).
struct ConnectionTable: ~Copyable, @unchecked Sendable {
    enum Kind: Int, CaseIterable {
        case embryonic
        case live
        case over
    }

    struct Slot {
        var isUsed = false
        var generation: UInt32 = 0
        var kind = Kind.embryonic
        var previous: Int32 = -1
        var next: Int32 = -1
    }

    struct List {
        /// The most idle one.
        var head: Int32 = -1
        var tail: Int32 = -1
        var count = 0
    }

    private(set) var slots: [Slot] = []
    /// Initialized where the slot is used.
    private var connections = UnsafeMutableBufferPointer<Connection>.allocate(capacity: 4)
    private var free: [Int32] = []
    private(set) var lists = [List](repeating: List(), count: Kind.allCases.count)

    deinit {
        for index in slots.indices where slots[index].isUsed { connections.deinitializeElement(at: index) }
        connections.deallocate()
    }

    var count: Int { lists.reduce(0) { $0 + $1.count } }

    func count(_ kind: Kind) -> Int { lists[kind.rawValue].count }

    func contains(_ id: ConnectionID) -> Bool {
        slots.indices.contains(Int(id.slot)) && slots[Int(id.slot)].generation == id.generation
            && slots[Int(id.slot)].isUsed
    }

    /// The connection must be there.
    subscript(id: ConnectionID) -> Connection {
        _read {
            precondition(slots[Int(id.slot)].isUsed)
            yield connections[Int(id.slot)]
        }
        _modify {
            precondition(slots[Int(id.slot)].isUsed)
            yield &connections[Int(id.slot)]
        }
    }

    mutating func insert(_ connection: Connection, as kind: Kind) -> ConnectionID {
        let slot: Int32
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = Int32(slots.count)
            slots.append(Slot())
            if slots.count > connections.count { grow() }
        }
        connections.initializeElement(at: Int(slot), to: connection)
        slots[Int(slot)].isUsed = true
        append(slot, kind)
        return ConnectionID(slot: slot, generation: slots[Int(slot)].generation)
    }

    mutating func remove(_ id: ConnectionID) {
        unlink(id.slot)
        connections.deinitializeElement(at: Int(id.slot))
        slots[Int(id.slot)].isUsed = false
        slots[Int(id.slot)].generation &+= 1
        free.append(id.slot)
    }

    /// Makes it the least idle of its kind.
    mutating func touch(_ id: ConnectionID, _ kind: Kind) {
        guard slots[Int(id.slot)].kind != kind || lists[kind.rawValue].tail != id.slot else { return }
        unlink(id.slot)
        append(id.slot, kind)
    }

    func mostIdle(_ kind: Kind) -> ConnectionID? {
        let slot = lists[kind.rawValue].head
        return slot < 0 ? nil : ConnectionID(slot: slot, generation: slots[Int(slot)].generation)
    }

    /// The connections of `limit` places, and the place to go on from; nil at the end.
    func chunk(from place: Int, limit: Int) -> (ids: [ConnectionID], next: Int?) {
        var ids: [ConnectionID] = []
        var index = place
        while index < slots.count, index - place < limit {
            if slots[index].isUsed {
                ids.append(ConnectionID(slot: Int32(index), generation: slots[index].generation))
            }
            index += 1
        }
        return (ids, index < slots.count ? index : nil)
    }

    private mutating func grow() {
        let larger = UnsafeMutableBufferPointer<Connection>.allocate(capacity: connections.count * 2)
        for index in slots.indices where slots[index].isUsed {
            larger.initializeElement(at: index, to: connections.moveElement(from: index))
        }
        connections.deallocate()
        connections = larger
    }

    private mutating func append(_ slot: Int32, _ kind: Kind) {
        let tail = lists[kind.rawValue].tail
        slots[Int(slot)].kind = kind
        slots[Int(slot)].previous = tail
        slots[Int(slot)].next = -1
        if tail >= 0 { slots[Int(tail)].next = slot } else { lists[kind.rawValue].head = slot }
        lists[kind.rawValue].tail = slot
        lists[kind.rawValue].count += 1
    }

    private mutating func unlink(_ slot: Int32) {
        let (kind, previous, next) = (slots[Int(slot)].kind, slots[Int(slot)].previous, slots[Int(slot)].next)
        if previous >= 0 { slots[Int(previous)].next = next } else { lists[kind.rawValue].head = next }
        if next >= 0 { slots[Int(next)].previous = previous } else { lists[kind.rawValue].tail = previous }
        lists[kind.rawValue].count -= 1
    }
}
