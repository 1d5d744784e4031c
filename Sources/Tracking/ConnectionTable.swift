/// Connections in slots that are used again, each in one of three lists that are ordered by idleness.
///
/// A connection lies in memory of the table's own, which hands out its address: out of an array of optional ones it would
/// be copied, and each of its arrays retained, to read one of its fields (docs/performance/notebook.md). That memory comes in
/// blocks: more of them move nothing, and those that nobody needs are given back.
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

    private struct Block {
        /// Initialized where the slot is used; nil when none is.
        var connections: UnsafeMutablePointer<Connection>?
        var used = 0
    }

    private(set) var slots: [Slot] = []
    private var blocks: [Block] = []
    private var free: [Int32] = []
    private(set) var lists = [List](repeating: List(), count: Kind.allCases.count)
    /// Of new slots. Later than that of any slot that was given back, so that its ids mean nothing to their successors.
    private var firstGeneration: UInt32 = 0

    /// Slots of a block, as a power of two.
    private static let blockBits = 6

    deinit {
        for index in slots.indices where slots[index].isUsed { address(Int32(index)).deinitialize(count: 1) }
        for block in blocks { block.connections?.deallocate() }
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
            yield address(id.slot).pointee
        }
        _modify {
            precondition(slots[Int(id.slot)].isUsed)
            yield &address(id.slot).pointee
        }
    }

    mutating func insert(_ connection: Connection, as kind: Kind) -> ConnectionID {
        let slot: Int32
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = Int32(slots.count)
            slots.append(Slot(generation: firstGeneration))
        }
        occupy(slot)
        address(slot).initialize(to: connection)
        slots[Int(slot)].isUsed = true
        append(slot, kind)
        return ConnectionID(slot: slot, generation: slots[Int(slot)].generation)
    }

    mutating func remove(_ id: ConnectionID) {
        unlink(id.slot)
        address(id.slot).deinitialize(count: 1)
        blocks[Int(id.slot) >> Self.blockBits].used -= 1
        slots[Int(id.slot)].isUsed = false
        slots[Int(id.slot)].generation &+= 1
        free.append(id.slot)
    }

    /// Gives back the memory of blocks that nobody uses; and of their slots, when all were many and are gone.
    mutating func shrink() {
        for index in blocks.indices where blocks[index].used == 0 {
            blocks[index].connections?.deallocate()
            blocks[index].connections = nil
        }
        guard count == 0, slots.count > 1024 else { return }
        firstGeneration = slots.reduce(firstGeneration) { max($0, $1.generation) } &+ 1
        slots = []
        blocks = []
        free = []
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

    private func address(_ slot: Int32) -> UnsafeMutablePointer<Connection> {
        blocks[Int(slot) >> Self.blockBits].connections! + Int(slot) & (1 << Self.blockBits - 1)
    }

    private mutating func occupy(_ slot: Int32) {
        let index = Int(slot) >> Self.blockBits
        if index == blocks.count { blocks.append(Block()) }
        if blocks[index].connections == nil { blocks[index].connections = .allocate(capacity: 1 << Self.blockBits) }
        blocks[index].used += 1
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
