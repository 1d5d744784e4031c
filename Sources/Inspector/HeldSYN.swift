import LinuxSystem
import NetfilterQueue
import Wire

/// How a SYN came to the queue.
struct Arrival {
    let packetID: UInt32
    let mark: UInt32
    let inDevice: UInt32
    let outDevice: UInt32
    /// As `QueuedPacket.time`.
    let kernelTime: Int64?
    let time: MonotonicTime

    init(_ packet: QueuedPacket, at time: MonotonicTime = .now) {
        packetID = packet.id
        mark = packet.mark
        inDevice = packet.inDevice
        outDevice = packet.outDevice
        kernelTime = packet.time
        self.time = time
    }
}

/// A SYN that waits in the queue for the outcome of a dial.
struct HeldSYN {
    let arrival: Arrival
    let syn: SYN
    /// The whole IP packet, to be put into the TUN device.
    let bytes: [UInt8]
    /// When it goes on, whatever has become of the stream path.
    let deadline: MonotonicTime

    /// `timeout`: how long the stream path takes at most for an answer.
    init(arrival: Arrival, syn: SYN, bytes: [UInt8], timeout: Duration) {
        self.arrival = arrival
        self.syn = syn
        self.bytes = bytes
        deadline = arrival.time + Self.patience(timeout)
    }

    /// Below the second after which a client sends its SYN again, unless the server is known to take longer; and after the
    /// stream path has had its time.
    static func patience(_ timeout: Duration) -> Duration {
        max(timeout + .milliseconds(50), min(timeout + .milliseconds(250), .milliseconds(900)))
    }

    var identity: SYNIdentity { syn.identity }
}

/// The held SYNs, by the id of their dial and by 4-tuple.
struct HeldSYNs {
    private var byID: [UInt64: HeldSYN] = [:]
    private var ids: [FourTuple: UInt64] = [:]
    private var lastID: UInt64 = 0

    var count: Int { byID.count }

    func contains(_ tuple: FourTuple) -> Bool { ids[tuple] != nil }

    /// The id for the dial of the next SYN that is held.
    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    mutating func hold(_ syn: HeldSYN, as id: UInt64) {
        byID[id] = syn
        ids[syn.identity.tuple] = id
    }

    mutating func release(_ id: UInt64) -> HeldSYN? {
        guard let syn = byID.removeValue(forKey: id) else { return nil }
        ids[syn.identity.tuple] = nil
        return syn
    }

    /// Those whose time is over.
    func overdue(_ now: MonotonicTime) -> [UInt64] { byID.filter { $0.value.deadline < now }.map(\.key) }
}
