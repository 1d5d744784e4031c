import Tracking
import Wire

/// How much each client has moved, over all its connections, since it was first seen.
struct ClientVolumes {
    private struct Client {
        /// Of connections that are over.
        var finished: UInt64 = 0
        /// Of the others, when they were last looked at.
        var running: [ConnectionID: UInt64] = [:]
        var lastSeen: UInt64 = 0
    }

    private var clients: [IPAddress: Client] = [:]
    private var owners: [ConnectionID: IPAddress] = [:]

    /// A client that is silent for so long begins anew, in nanoseconds.
    static let memory: UInt64 = 86_400_000_000_000

    subscript(client: IPAddress) -> UInt64 {
        clients[client].map { $0.running.values.reduce($0.finished, &+) } ?? 0
    }

    func connections(of client: IPAddress) -> [ConnectionID] { clients[client].map { Array($0.running.keys) } ?? [] }

    mutating func note(_ id: ConnectionID, of client: IPAddress, bytes: UInt64, at now: UInt64) {
        owners[id] = client
        clients[client, default: Client()].running[id] = bytes
        clients[client]?.lastSeen = now
    }

    /// The connection is over; what it has moved counts on.
    mutating func finish(_ id: ConnectionID) {
        guard let client = owners.removeValue(forKey: id),
            let bytes = clients[client]?.running.removeValue(forKey: id)
        else { return }
        clients[client]?.finished &+= bytes
    }

    /// Of connections that are over, by client; for a daemon that goes on from here.
    var finished: [String: UInt64] {
        var all: [String: UInt64] = [:]
        for (client, entry) in clients where entry.finished > 0 { all["\(client)"] = entry.finished }
        return all
    }

    mutating func goOn(from finished: [String: UInt64], at now: UInt64) {
        for (text, bytes) in finished {
            guard let client = IPAddress(text) else { continue }
            clients[client, default: Client()].finished = bytes
            clients[client]?.lastSeen = now
        }
    }

    mutating func forgetSilent(at now: UInt64) {
        clients = clients.filter { !$0.value.running.isEmpty || $0.value.lastSeen &+ Self.memory > now }
    }
}
