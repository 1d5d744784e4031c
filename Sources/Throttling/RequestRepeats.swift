import LinuxSystem
import Tracking
import Wire

/// Requests for backup that are sent a second time.
///
/// MP_PRIO goes out on an ACK that nobody acknowledges (RFC 8684 section 3.3.8): when that packet is lost, the client goes
/// on as before and nothing tells. A second one costs one packet, and says what the client knows already.
struct RequestRepeats {
    struct Request: Equatable {
        let subflow: FourTuple
        let token: Token
        let isBackup: Bool
    }

    /// Long enough for what filled a link's queue to have gone by.
    static let delay: Duration = .seconds(1)

    private var queue: [(time: MonotonicTime, request: Request)] = []
    private var head = 0
    /// What each subflow was asked last, and how many of its requests are in the queue.
    private var last: [FourTuple: (isBackup: Bool, waiting: Int)] = [:]

    /// When the next is due.
    var next: MonotonicTime? { head < queue.count ? queue[head].time : nil }

    /// It has been sent once.
    mutating func add(_ request: Request, at now: MonotonicTime) {
        queue.append((now + Self.delay, request))
        last[request.subflow] = (request.isBackup, (last[request.subflow]?.waiting ?? 0) + 1)
    }

    /// The next one that is due, unless the subflow has been asked for the opposite since.
    mutating func take(at now: MonotonicTime) -> Request? {
        while head < queue.count, queue[head].time <= now {
            let request = queue[head].request
            head += 1
            if head == queue.count {
                queue.removeAll(keepingCapacity: queue.count < 1024)
                head = 0
            }
            guard let known = last[request.subflow] else { continue }
            last[request.subflow] = known.waiting > 1 ? (known.isBackup, known.waiting - 1) : nil
            if known.isBackup == request.isBackup { return request }
        }
        return nil
    }
}
