import Steering
import Tracking
import Wire

/// Which clients have used up their own volume on a path, and what each subflow has been counted for. Belongs to the
/// throttle thread; the volumes are the ledger's.
struct ClientCaps {
    /// A client's use of a path.
    struct Use: Hashable {
        let path: String
        let client: CappedClient
    }

    /// What a subflow has carried since it was opened.
    struct Carried {
        let tuple: FourTuple
        /// nil: on none.
        let path: String?
        let bytes: UInt64
    }

    private struct Meter {
        let use: Use
        /// Those that have been counted.
        var bytes: UInt64
    }

    private(set) var caps: [String: VolumeCap] = [:]
    /// Bytes of clients for which there was no room, by path.
    private(set) var uncounted: [String: UInt64] = [:]
    private var meters: [ConnectionID: [FourTuple: Meter]] = [:]
    private var users: [Use: Set<ConnectionID>] = [:]
    private var spent: Set<Use> = []
    /// What subflows were counted for by the daemon before; of those that are gone it stays.
    private var inherited: [FourTuple: UInt64] = [:]

    var isEmpty: Bool { caps.isEmpty }

    /// All that have been counted.
    var connections: [ConnectionID] { Array(meters.keys) }

    func connections(of uses: some Sequence<Use>) -> Set<ConnectionID> {
        uses.reduce(into: []) { $0.formUnion(users[$1] ?? []) }
    }

    /// Those of clients that have used up their volume on one of these paths.
    func spentConnections(on paths: [String]) -> Set<ConnectionID> {
        connections(of: spent.filter { paths.contains($0.path) })
    }

    mutating func install(_ paths: [Path]) {
        caps = Dictionary(
            uniqueKeysWithValues: paths.compactMap { path in path.clientCap.map { (path.name, $0) } })
        uncounted = uncounted.filter { caps[$0.key] != nil }
    }

    /// Other caps, or another day. Returns the uses that are unlike before.
    @discardableResult
    mutating func refresh(_ ledger: ClientLedger, on day: CalendarDay) -> Set<Use> {
        var now: Set<Use> = []
        for (path, cap) in caps {
            for client in ledger.spent(on: path, cap, on: day) { now.insert(Use(path: path, client: client)) }
        }
        defer { spent = now }
        return spent.symmetricDifference(now)
    }

    /// Counts what a connection's subflows have carried since they were last looked at.
    ///
    /// - Returns: uses by which a volume has just been used up, and paths that had no room for a client for the first time.
    mutating func count(
        _ id: ConnectionID, _ subflows: [Carried], _ ledger: inout ClientLedger, on day: CalendarDay
    ) -> (spent: [Use], full: [String]) {
        var news: (spent: [Use], full: [String]) = ([], [])
        var meters: [FourTuple: Meter] = [:]
        let before = self.meters[id] ?? [:]
        for subflow in subflows {
            guard let path = subflow.path, let cap = caps[path] else { continue }
            let use = Use(path: path, client: CappedClient(subflow.tuple.client.address))
            meters[subflow.tuple] = Meter(use: use, bytes: subflow.bytes)
            let counted = before[subflow.tuple]?.bytes ?? inherited.removeValue(forKey: subflow.tuple) ?? 0
            // Fewer are those of another subflow with the same ports.
            let new = subflow.bytes >= counted ? subflow.bytes - counted : subflow.bytes
            guard new > 0 else { continue }
            if !ledger.add(new, of: use.client, on: path, cap, on: day) {
                if uncounted[path] == nil { news.full.append(path) }
                uncounted[path, default: 0] &+= new
            } else if ledger.bytes(of: use.client, on: path, cap, on: day) >= cap.bytes, spent.insert(use).inserted {
                news.spent.append(use)
            }
        }
        set(id, meters)
        return news
    }

    /// What subflows have been counted for, for a daemon that goes on from here.
    var counted: [SteeringMemory.Counted] {
        meters.values.flatMap { meters in
            meters.map { tuple, meter in
                .init(client: "\(tuple.client)", server: "\(tuple.server)", bytes: meter.bytes)
            }
        }
    }

    mutating func goOn(from counted: [SteeringMemory.Counted]) {
        for entry in counted {
            guard let client = Endpoint(entry.client), let server = Endpoint(entry.server) else { continue }
            inherited[FourTuple(client: client, server: server)] = entry.bytes
        }
    }

    mutating func forget(_ id: ConnectionID) { set(id, [:]) }

    private mutating func set(_ id: ConnectionID, _ new: [FourTuple: Meter]) {
        let (old, now) = (uses(meters[id]), uses(new))
        meters[id] = new.isEmpty ? nil : new
        for use in now.subtracting(old) { users[use, default: []].insert(id) }
        for use in old.subtracting(now) {
            users[use]?.remove(id)
            if users[use]?.isEmpty == true { users[use] = nil }
        }
    }

    private func uses(_ meters: [FourTuple: Meter]?) -> Set<Use> { Set((meters ?? [:]).values.map(\.use)) }

    /// Paths of a connection on which one of its subflows' clients has used up its volume.
    func spentPaths(of id: ConnectionID) -> Set<String> {
        if spent.isEmpty { return [] }
        return Set(uses(meters[id]).intersection(spent).map(\.path))
    }

    /// Bytes of the connection after which it has to be looked at again: of all connections of a client none may get
    /// further than its part unseen, and all together not more than half a percent too far.
    func bytesLeft(of id: ConnectionID, _ ledger: ClientLedger, on day: CalendarDay) -> UInt64? {
        uses(meters[id]).subtracting(spent).compactMap { use in
            guard let cap = caps[use.path] else { return nil }
            let used = ledger.bytes(of: use.client, on: use.path, cap, on: day)
            guard used < cap.bytes else { return nil }
            let connections = UInt64(max(1, users[use]?.count ?? 1))
            return max((cap.bytes - used) / connections, cap.bytes / 200 / connections, 1)
        }.min()
    }
}
