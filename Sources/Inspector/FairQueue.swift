import Wire

/// Packets that have been looked at and wait for their verdict, by flow: served in turns, and a flow that sends little
/// doesn't wait at all (as the new flows of FQ-CoDel, RFC 8290 section 4.2).
///
/// A flow is one direction of a TCP connection, known by its hash; its packets keep their order. Flows have places in sets
/// of eight, as in CAKE (Høiland-Jørgensen et al., 2018): of a plain hash table with some thousand places three of a
/// hundred connections would share one with one of thirty busy flows, and wait as long. Nothing is allocated after `init`.
struct FairQueue: ~Copyable {
    private struct Packet {
        var id: UInt32 = 0
        var cost: Int32 = 0
        /// The flow's next one, or the next free place; -1: none.
        var next: Int32 = -1
    }

    private struct Flow {
        /// Its packets; -1: none wait.
        var first: Int32 = -1
        var last: Int32 = -1
        /// The flow that is served after it; -1: none.
        var next: Int32 = -1
        var direction = Direction.outgoing
        /// What may still pass in `turn`, which is the last in which a packet has come; 0: none yet.
        var credit = 0
        var turn: UInt64 = 0
    }

    enum Direction: Int {
        /// A socket of this box waits for it.
        case incoming
        case outgoing
    }

    /// Flows in the order in which they are served; -1: there is none.
    private struct Line {
        var first: Int32 = -1
        var last: Int32 = -1
    }

    /// What a packet costs beyond its bytes: an ACK without any has the kernel send what the window has room for.
    static let packetCost = 1024
    /// What a flow may send in a turn before it waits: three small messages or ACKs, or a larger one.
    static let sparseCredit = 4096
    /// What a flow that waits may send before the next one may: a packet of the largest, or some that cost no more. A flow
    /// that comes in has this once in a turn, so that two subflows bring a relay no more than it moves in a turn of its own,
    /// and their socket's window doesn't close (docs/performance/notebook.md, "Receive buffers").
    static let quantum = 64 << 10 + packetCost
    /// What all that wait may send in a turn, and with it how long others have to wait for this queue: half of it what comes
    /// in, and what goes out the rest.
    static let turnCost = 256 << 10

    private let packets: UnsafeMutableBufferPointer<Packet>
    private let flows = UnsafeMutableBufferPointer<Flow>.allocate(capacity: 1 << Self.setBits * Self.ways)
    /// Of the flow that has the place, or had it last: part of its hash.
    private let tags = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: 1 << Self.setBits * Self.ways)
    private static let setBits = 8
    private static let ways = 8
    private var firstFree: Int32 = -1
    /// The flows with packets that wait, by direction.
    private let lines = UnsafeMutableBufferPointer<Line>.allocate(capacity: 2)
    private var turn: UInt64 = 1
    /// Packets that wait.
    private(set) var count = 0

    /// `capacity`: packets that may wait, at least 1.
    init(capacity: Int) {
        packets = .allocate(capacity: capacity)
        packets.initialize(repeating: Packet())
        flows.initialize(repeating: Flow())
        tags.initialize(repeating: 0)
        lines.initialize(repeating: Line())
        for place in packets.indices.reversed() { free(Int32(place)) }
    }

    deinit {
        packets.deallocate()
        flows.deallocate()
        tags.deallocate()
        lines.deallocate()
    }

    /// A packet of `length` bytes has come. True: it may go. Else it waits, and `endTurn` will hand out its id.
    mutating func passes(_ id: UInt32, flow hash: UInt64, _ direction: Direction, length: Int) -> Bool {
        // A flow without a place has nothing that waits.
        guard let flow = place(of: hash) else { return true }
        let cost = length + Self.packetCost
        if flows[Int(flow)].first < 0 {
            if spend(cost, flow) { return true }
            flows[Int(flow)].direction = direction
        }
        return !append(id, cost, to: flow)
    }

    /// The flow's place in its set. If it has none, it takes that of the flow that has been idle longest; nil if all eight
    /// are busy.
    private mutating func place(of hash: UInt64) -> Int32? {
        let mixed = hash &* 0x9e37_79b9_7f4a_7c15
        let set = Int(truncatingIfNeeded: mixed >> (64 - Self.setBits)) * Self.ways
        let tag = UInt32(truncatingIfNeeded: mixed >> 24)
        var idle: Int?
        for place in set..<set + Self.ways {
            if tags[place] == tag { return Int32(place) }
            guard flows[place].first < 0 else { continue }
            if idle.map({ flows[place].turn < flows[$0].turn }) ?? true { idle = place }
        }
        guard let idle else { return nil }
        tags[idle] = tag
        flows[idle].turn = 0
        return Int32(idle)
    }

    /// Has a flow of which nothing waits credit for this packet?
    private mutating func spend(_ cost: Int, _ flow: Int32) -> Bool {
        if flows[Int(flow)].turn != turn {
            flows[Int(flow)].turn = turn
            flows[Int(flow)].credit = Self.sparseCredit
        }
        guard flows[Int(flow)].credit >= cost else { return false }
        flows[Int(flow)].credit -= cost
        return true
    }

    /// false when as many wait as there is room for.
    private mutating func append(_ id: UInt32, _ cost: Int, to flow: Int32) -> Bool {
        let place = firstFree
        guard place >= 0 else { return false }
        firstFree = packets[Int(place)].next
        packets[Int(place)] = Packet(id: id, cost: Int32(clamping: cost))
        if flows[Int(flow)].first < 0 {
            flows[Int(flow)].first = place
            enqueue(flow)
        } else {
            packets[Int(flows[Int(flow)].last)].next = place
        }
        flows[Int(flow)].last = place
        count += 1
        return true
    }

    private mutating func enqueue(_ flow: Int32) {
        flows[Int(flow)].next = -1
        let line = flows[Int(flow)].direction.rawValue
        if lines[line].first < 0 { lines[line].first = flow } else { flows[Int(lines[line].last)].next = flow }
        lines[line].last = flow
    }

    private mutating func free(_ place: Int32) {
        packets[Int(place)].next = firstFree
        firstFree = place
    }

    /// Ends a turn: `body` gets the ids of packets that may go.
    mutating func endTurn(_ body: (UInt32) -> Void) {
        turn += 1
        var left = Self.turnCost / 2
        let last = lines[Direction.incoming.rawValue].last
        while left > 0, let flow = next(.incoming) {
            left -= serve(flow, Self.quantum, body)
            if flow == last { break }
        }
        left += Self.turnCost / 2
        while left > 0, let flow = next(.outgoing) { left -= serve(flow, Self.quantum, body) }
    }

    /// Hands out all that wait.
    mutating func releaseAll(_ body: (UInt32) -> Void) {
        while let flow = next(.incoming) ?? next(.outgoing) { _ = serve(flow, .max, body) }
    }

    /// The first of the line.
    private func next(_ direction: Direction) -> Int32? {
        let first = lines[direction.rawValue].first
        return first < 0 ? nil : first
    }

    /// Serves the first flow of its line, which is the last one then if more of it waits. Returns the cost.
    private mutating func serve(_ flow: Int32, _ quantum: Int, _ body: (UInt32) -> Void) -> Int {
        lines[flows[Int(flow)].direction.rawValue].first = flows[Int(flow)].next
        var cost = 0
        while flows[Int(flow)].first >= 0 {
            let place = flows[Int(flow)].first
            let packet = packets[Int(place)]
            guard cost == 0 || cost + Int(packet.cost) <= quantum else { break }
            flows[Int(flow)].first = packet.next
            free(place)
            count -= 1
            cost += Int(packet.cost)
            body(packet.id)
        }
        if flows[Int(flow)].first >= 0 { enqueue(flow) }
        return cost
    }
}

extension Segment {
    /// For `FairQueue`: differs between flows, and between the two directions of one. Without the seed nobody can choose an
    /// address or port that falls together with another's.
    func flowHash(seed: UInt64) -> UInt64 { flowHash(seed, source, destination) }

    /// That of the other direction's segments.
    func reverseFlowHash(seed: UInt64) -> UInt64 { flowHash(seed, destination, source) }

    private func flowHash(_ seed: UInt64, _ from: Endpoint, _ to: Endpoint) -> UInt64 {
        var hash = seed
        hash = mix(hash, from.address.high)
        hash = mix(hash, from.address.low)
        hash = mix(hash, to.address.high)
        hash = mix(hash, to.address.low)
        return mix(hash, UInt64(from.port) << 16 | UInt64(to.port))
    }

    private func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word) &* 0xbf58_476d_1ce4_e5b9
        return product ^ product >> 32
    }
}
