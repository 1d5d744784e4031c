import LinuxSystem
import Steering
import Tracking
import Wire

/// Which subflows take which path, and what the kernel measures of them.
///
/// Of each path some subflows are asked, those that move data first: what a reading costs doesn't grow with the number of
/// connections, and a path's round trip and loss are those of the busy ones. What the rest carries isn't counted as the
/// box's own.
struct PathSampler: ~Copyable {
    private struct Member {
        var figures: SubflowFigures?
        /// Readings in a row in which it moved nothing.
        var idle = 0
    }

    private struct Members {
        /// In the order in which they came.
        var all: [FourTuple] = []
        var places: [FourTuple: Int] = [:]
        var sample: [FourTuple: Member] = [:]
        /// Who is next when one of the sample rests.
        var next = 0
        var own = PathRates<UInt64>(download: 0, upload: 0)
        /// As the interface counted last.
        var total = PathRates<UInt64>(download: 0, upload: 0)

        mutating func insert(_ tuple: FourTuple) {
            guard places[tuple] == nil else { return }
            places[tuple] = all.count
            all.append(tuple)
        }

        /// Has it asked with the next reading.
        mutating func prefer(_ tuple: FourTuple) {
            guard places[tuple] != nil, sample[tuple] == nil else { return }
            if sample.count >= PathSampler.sampleSize,
                let other = sample.max(by: { $0.value.idle < $1.value.idle })?.key
            {
                sample[other] = nil
            }
            sample[tuple] = Member()
        }

        mutating func remove(_ tuple: FourTuple) {
            guard let place = places.removeValue(forKey: tuple) else { return }
            sample[tuple] = nil
            let last = all.removeLast()
            guard last != tuple else { return }
            all[place] = last
            places[last] = place
        }
    }

    /// Subflows of a path that are asked at a time.
    fileprivate static let sampleSize = 64
    /// Readings without data after which another takes the place.
    private static let rest = 2

    private var paths: [String: Members] = [:]
    private var subflows: [ConnectionID: [FourTuple: String]] = [:]
    private var owners: [FourTuple: ConnectionID] = [:]
    private let diagnostics: SocketDiagnostics
    private let interfaces: InterfaceCounters

    init() throws(SystemError) {
        let diagnostics = try SocketDiagnostics()
        let interfaces = try InterfaceCounters()
        self.diagnostics = diagnostics
        self.interfaces = interfaces
    }

    /// The connection has these subflows now, each on the path of this name.
    mutating func note(_ id: ConnectionID, _ now: [FourTuple: String]) {
        let before = subflows[id] ?? [:]
        guard now != before else { return }
        for (tuple, path) in before where now[tuple] != path && owners[tuple] == id {
            paths[path]?.remove(tuple)
            owners[tuple] = nil
        }
        for (tuple, path) in now {
            // Ports that another connection had before, whose end is yet to be told.
            if let other = owners[tuple], other != id, let old = subflows[other]?[tuple] { paths[old]?.remove(tuple) }
            paths[path, default: Members()].insert(tuple)
            owners[tuple] = id
        }
        subflows[id] = now.isEmpty ? nil : now
    }

    mutating func forget(_ id: ConnectionID) { note(id, [:]) }

    mutating func forgetAll() {
        paths = [:]
        subflows = [:]
        owners = [:]
    }

    /// The connection that a subflow belongs to.
    func owner(of tuple: FourTuple) -> ConnectionID? { owners[tuple] }

    /// All connections that it knows.
    var connections: [ConnectionID] { Array(subflows.keys) }

    /// Subflows by which a path can be tried: of connections that move data by another one. They are asked from now on.
    mutating func candidates(_ path: String, limit: Int) -> Set<FourTuple> {
        var found: Set<FourTuple> = []
        for (name, members) in paths where name != path {
            for (tuple, member) in members.sample where member.idle == 0 && member.figures != nil {
                guard found.count < limit else { break }
                guard let owner = owners[tuple], let other = subflows[owner]?.first(where: { $0.value == path })?.key
                else { continue }
                found.insert(other)
            }
        }
        for tuple in found { paths[path]?.prefer(tuple) }
        return found
    }

    /// Connections that have a subflow on one of the paths.
    func connections(on names: Set<String>) -> [ConnectionID] {
        subflows.filter { $0.value.values.contains(where: names.contains) }.map(\.key)
    }

    /// What the kernel says of the path now.
    mutating func read(_ path: Path) -> PathReading {
        var members = paths.removeValue(forKey: path.name) ?? Members()
        var reading = PathReading()
        reading.subflows = members.all.count
        ask(&members, &reading)
        reading.own = members.own
        switch path.selector {
        case .clients: reading.total = members.own
        case .interface(let name):
            if let index = NetworkInterface.index(name) {
                // An answer that is lost says nothing of the interface: it is as it was.
                if let counters = interfaces.values(of: index) {
                    reading.isUp = counters.isRunning
                    members.total = PathRates(download: counters.sentBytes, upload: counters.receivedBytes)
                }
            } else {
                reading.isUp = false
            }
            reading.total = members.total
        }
        paths[path.name] = members
        return reading
    }

    private func ask(_ members: inout Members, _ reading: inout PathReading) {
        fill(&members)
        var roundTrips = (sum: 0.0, shortest: 0.0, count: 0)
        for (tuple, before) in members.sample {
            guard let now = diagnostics.figures(local: tuple.server, remote: tuple.client) else {
                members.sample[tuple] = nil
                continue
            }
            var member = Member(figures: now, idle: before.idle + 1)
            if now.isStalled { reading.stalled += 1 }
            // Counters that have fallen are another connection's.
            if let old = before.figures, old.bytesAcknowledged <= now.bytesAcknowledged, old.bytesSent <= now.bytesSent,
                old.bytesReceived <= now.bytesReceived
            {
                let acknowledged = now.bytesAcknowledged - old.bytesAcknowledged
                let received = now.bytesReceived - old.bytesReceived
                members.own.download &+= acknowledged
                members.own.upload &+= received
                reading.sent += now.bytesSent - old.bytesSent
                reading.retransmitted += now.bytesRetransmitted &- min(old.bytesRetransmitted, now.bytesRetransmitted)
                if acknowledged > 0 || received > 0 {
                    reading.active += 1
                    member.idle = 0
                }
                // Acknowledgements of what the box sends alone tell it of a round trip.
                if acknowledged > 0, now.roundTripTime > 0, now.shortestRoundTripTime > 0 {
                    roundTrips.sum += Double(now.roundTripTime)
                    roundTrips.shortest += Double(now.shortestRoundTripTime)
                    roundTrips.count += 1
                }
            }
            members.sample[tuple] = member
        }
        guard roundTrips.count > 0 else { return }
        reading.roundTripTime = roundTrips.sum / Double(roundTrips.count)
        reading.shortestRoundTripTime = roundTrips.shortest / Double(roundTrips.count)
    }

    /// Gives places in the sample to those that wait for one.
    private func fill(_ members: inout Members) {
        guard members.sample.count < members.all.count else { return }
        if members.sample.count >= Self.sampleSize {
            members.sample = members.sample.filter { $0.value.idle < Self.rest }
        }
        var left = members.all.count
        while members.sample.count < Self.sampleSize, left > 0 {
            left -= 1
            members.next = (members.next + 1) % members.all.count
            let tuple = members.all[members.next]
            if members.sample[tuple] == nil { members.sample[tuple] = Member() }
        }
    }
}

extension SubflowFigures {
    /// Has the retransmission timer expired, and has nothing come for three round trips and a third of a second? A receiver
    /// may wait for 200 ms.
    fileprivate var isStalled: Bool {
        unacknowledged > 0 && backoff > 0 && sinceAcknowledgement > max(330, 3 * roundTripTime / 1000)
    }
}
