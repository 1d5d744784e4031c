import LinuxSystem
import Tracking
import Wire

/// Subflows that the kernel's path manager would not touch yet, and when it is asked again: 20, 40, 80 and 160 ms later.
///
/// The third ACK of a join is seen before the kernel has made the subflow the connection's.
struct RetryQueue {
    struct Entry {
        let time: MonotonicTime
        let id: ConnectionID
        let subflow: FourTuple
    }

    private static let attempts = 4

    /// One for each delay, so that each is in order by itself.
    private var queues = [[Entry]](repeating: [], count: attempts)
    private var heads = [Int](repeating: 0, count: attempts)
    private var counts: [FourTuple: Int] = [:]
    private var waiting: Set<FourTuple> = []

    /// When the next is due.
    var next: MonotonicTime? { place.map { queues[$0][heads[$0]].time } }

    /// Is it to be asked about again, so that asking now would be too soon?
    func isWaiting(_ subflow: FourTuple) -> Bool { waiting.contains(subflow) }

    /// Returns false when it has been tried often enough.
    mutating func add(_ subflow: FourTuple, _ id: ConnectionID, at now: MonotonicTime) -> Bool {
        let count = counts[subflow] ?? 0
        guard count < Self.attempts, waiting.insert(subflow).inserted else { return false }
        counts[subflow] = count + 1
        queues[count].append(Entry(time: now + .milliseconds(20 << count), id: id, subflow: subflow))
        return true
    }

    /// The next one whose time has come; it waits no longer.
    mutating func take(at now: MonotonicTime) -> Entry? {
        guard let place, queues[place][heads[place]].time <= now else { return nil }
        let entry = queues[place][heads[place]]
        heads[place] += 1
        if heads[place] == queues[place].count {
            queues[place].removeAll(keepingCapacity: queues[place].count < 1024)
            heads[place] = 0
        }
        waiting.remove(entry.subflow)
        return entry
    }

    /// What becomes of it is known.
    mutating func forget(_ subflow: FourTuple) {
        if !waiting.contains(subflow) { counts[subflow] = nil }
    }

    /// The queue whose first entry is due first.
    private var place: Int? {
        queues.indices.filter { heads[$0] < queues[$0].count }
            .min { queues[$0][heads[$0]].time < queues[$1][heads[$1]].time }
    }
}
