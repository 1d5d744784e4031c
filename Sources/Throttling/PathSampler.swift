import LinuxSystem
import Steering
import Tracking
import Wire

/// Which subflows take which path, and what the kernel measures of them.
struct PathSampler: ~Copyable {
    private struct Members {
        var sample = SubflowSample()
        /// As the interface counted last.
        var total = PathRates<UInt64>(download: 0, upload: 0)
    }

    private var paths: [String: Members] = [:]
    private var subflows: [ConnectionID: [FourTuple: String]] = [:]
    private var owners: [FourTuple: ConnectionID] = [:]
    private let source: any PathSource

    init(_ source: any PathSource) { self.source = source }

    /// The connection has these subflows now, each on the path of this name.
    mutating func note(_ id: ConnectionID, _ now: [FourTuple: String]) {
        let before = subflows[id] ?? [:]
        guard now != before else { return }
        for (tuple, path) in before where now[tuple] != path && owners[tuple] == id {
            paths[path]?.sample.remove(tuple)
            owners[tuple] = nil
        }
        for (tuple, path) in now {
            // Ports that another connection had before, whose end is yet to be told.
            if let other = owners[tuple], other != id, let old = subflows[other]?[tuple] {
                paths[old]?.sample.remove(tuple)
            }
            paths[path, default: Members()].sample.insert(tuple)
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
            for tuple in members.sample.busy {
                guard found.count < limit else { break }
                guard let owner = owners[tuple], let other = subflows[owner]?.first(where: { $0.value == path })?.key
                else { continue }
                found.insert(other)
            }
        }
        for tuple in found { paths[path]?.sample.prefer(tuple) }
        return found
    }

    /// Connections that have a subflow on one of the paths.
    func connections(on names: Set<String>) -> [ConnectionID] {
        subflows.filter { $0.value.values.contains(where: names.contains) }.map(\.key)
    }

    /// What the kernel says of the path now.
    mutating func read(_ path: Path) -> PathReading {
        var members = paths.removeValue(forKey: path.name) ?? Members()
        var reading = members.sample.reading { tuple in
            source.figures(of: tuple).map(SubflowReading.init)
        }
        switch path.selector {
        case .clients: reading.total = reading.own
        case .interface(let name):
            if let index = source.index(of: name) {
                // An answer that is lost says nothing of the interface: it is as it was.
                if let counters = source.counters(of: index) {
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
}

extension SubflowReading {
    fileprivate init(_ figures: SubflowFigures) {
        self.init(
            moved: PathRates(download: figures.bytesAcknowledged, upload: figures.bytesReceived),
            sent: figures.bytesSent, retransmitted: figures.bytesRetransmitted, roundTripTime: figures.roundTripTime,
            shortestRoundTripTime: figures.shortestRoundTripTime, isStalled: figures.isStalled)
    }
}

extension SubflowFigures {
    /// Has the retransmission timer expired, and has nothing come for three round trips and a third of a second? A receiver
    /// may wait for 200 ms.
    fileprivate var isStalled: Bool {
        unacknowledged > 0 && backoff > 0 && sinceAcknowledgement > max(330, 3 * roundTripTime / 1000)
    }
}
