import LinuxSystem
import Wire

/// A SYN that waits in the queue for the outcome of a dial.
struct HeldSYN {
    let packetID: UInt32
    let identity: SYNIdentity
    let mark: UInt32
    let interface: UInt32
    /// The whole IP packet, to be put into the TUN device.
    let bytes: [UInt8]
    let since: MonotonicTime
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

    /// Those held since before `time`.
    func overdue(_ time: MonotonicTime) -> [UInt64] { byID.filter { $0.value.since < time }.map(\.key) }
}
