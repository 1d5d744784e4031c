public import Wire

/// A path's subflows, some of which are asked with each reading, and what that tells of all.
///
/// What a reading costs doesn't grow with the number of subflows. Those that move data keep their places, so that round trip
/// and loss are those of the busy ones. Where there are more subflows than places, a few places go to others with each
/// reading, by turns, whether or not they move anything: their mean is what each of the rest is taken to move.
public struct SubflowSample: Sendable {
    private struct Member {
        var reading: SubflowReading?
        /// Readings in a row in which it moved nothing.
        var idle = 0
        /// Bytes that it moved between its last two readings; the most while that isn't known, so that it keeps its place.
        var moved = UInt64.max
        /// Has it its place by turns, and nothing been learned from it yet?
        var isNewcomer: Bool
        /// Readings for which it keeps its place, whatever it moves.
        var kept = 0
    }

    /// Subflows that are asked at a time.
    public static let size = 64
    /// Of these, how many are others each time, if there are more.
    private static let newcomers = 8
    /// Readings without data after which another takes the place.
    private static let rest = 2
    /// Readings for which one that is preferred keeps its place.
    private static let kept = 10
    /// The mean is over so many newcomers at most, and over as many as there are subflows: one that moves much is met once in
    /// that time, and keeps its place from then on.
    private static let memory = 32...256

    /// In the order in which they came.
    private var all: [FourTuple] = []
    private var places: [FourTuple: Int] = [:]
    private var members: [FourTuple: Member] = [:]
    /// Who is next when a place is free.
    private var next = 0
    private var own = PathRates<UInt64>(download: 0, upload: 0)
    /// Bytes that a subflow without a place moves between two readings.
    private var mean = PathRates.zero
    /// Newcomers that the mean is of.
    private var learned = 0

    public init() {}

    public var count: Int { all.count }

    public mutating func insert(_ tuple: FourTuple) {
        guard places[tuple] == nil else { return }
        places[tuple] = all.count
        all.append(tuple)
    }

    public mutating func remove(_ tuple: FourTuple) {
        guard let place = places.removeValue(forKey: tuple) else { return }
        members[tuple] = nil
        let last = all.removeLast()
        guard last != tuple else { return }
        all[place] = last
        places[last] = place
    }

    /// Has it asked with the next ten readings.
    public mutating func prefer(_ tuple: FourTuple) {
        guard places[tuple] != nil else { return }
        if members[tuple] != nil {
            members[tuple]?.kept = Self.kept
            return
        }
        if members.count >= Self.size, let other = members.max(by: { $0.value.idle < $1.value.idle })?.key {
            members[other] = nil
        }
        members[tuple] = Member(isNewcomer: false, kept: Self.kept)
    }

    /// Those that moved data before the last reading.
    public var busy: [FourTuple] { members.filter { $0.value.idle == 0 && $0.value.reading != nil }.map(\.key) }

    /// A reading of the path, but for what its interface says.
    ///
    /// - Parameter ask: what the kernel says of a subflow; nil: it knows none such.
    public mutating func reading(_ ask: (FourTuple) -> SubflowReading?) -> PathReading {
        fill()
        var path = PathReading(subflows: all.count)
        var roundTrips = (sum: 0.0, shortest: 0.0, count: 0)
        for (tuple, before) in members {
            guard let now = ask(tuple) else {
                members[tuple] = nil
                continue
            }
            var member = Member(
                reading: now, idle: before.idle + 1, isNewcomer: before.isNewcomer, kept: max(0, before.kept - 1))
            if now.isStalled { path.stalled += 1 }
            if let old = before.reading, now.continues(old) {
                let moved = PathRates(
                    download: now.moved.download - old.moved.download, upload: now.moved.upload - old.moved.upload)
                member.moved = moved.download + moved.upload
                own.download &+= moved.download
                own.upload &+= moved.upload
                path.sent += now.sent - old.sent
                path.retransmitted += now.retransmitted &- min(old.retransmitted, now.retransmitted)
                if member.moved > 0 {
                    path.active += 1
                    member.idle = 0
                }
                if member.isNewcomer {
                    learn(moved)
                    member.isNewcomer = false
                }
                // Acknowledgements of what the box sends alone tell it of a round trip.
                if moved.download > 0, now.roundTripTime > 0, now.shortestRoundTripTime > 0 {
                    roundTrips.sum += Double(now.roundTripTime)
                    roundTrips.shortest += Double(now.shortestRoundTripTime)
                    roundTrips.count += 1
                }
            }
            members[tuple] = member
        }
        addTheRest()
        path.own = own
        guard roundTrips.count > 0 else { return path }
        path.roundTripTime = roundTrips.sum / Double(roundTrips.count)
        path.shortestRoundTripTime = roundTrips.shortest / Double(roundTrips.count)
        return path
    }

    private mutating func learn(_ moved: PathRates<UInt64>) {
        let most = min(max(all.count, Self.memory.lowerBound), Self.memory.upperBound)
        learned = min(learned + 1, most)
        for direction in PathDirection.allCases {
            mean[direction] += (Double(moved[direction]) - mean[direction]) / Double(learned)
        }
    }

    private mutating func addTheRest() {
        guard all.count > Self.size else {
            (mean, learned) = (.zero, 0)
            return
        }
        let rest = Double(all.count - members.count)
        for direction in PathDirection.allCases { own[direction] &+= UInt64(max(0, mean[direction] * rest)) }
    }

    /// Gives places to those that wait for one.
    private mutating func fill() {
        guard members.count < all.count else { return }
        if members.count >= Self.size {
            members = members.filter { $0.value.idle < Self.rest || $0.value.kept > 0 }
            makeRoom()
        }
        var left = all.count
        while members.count < Self.size, left > 0 {
            left -= 1
            next = (next + 1) % all.count
            let tuple = all[next]
            if members[tuple] == nil { members[tuple] = Member(isNewcomer: true) }
        }
    }

    /// Those that move least make room; of newcomers something is to be learned first.
    private mutating func makeRoom() {
        let missing = Self.newcomers - (Self.size - members.count)
        guard missing > 0 else { return }
        let known = members.filter { !$0.value.isNewcomer && $0.value.kept == 0 }.sorted {
            $0.value.moved < $1.value.moved
        }
        for (tuple, _) in known.prefix(missing) { members[tuple] = nil }
    }
}
