import Admin
import Converter
import Firewall
import Glibc
import Handshake
import Marks
import NetfilterQueue
import Settings
import TrafficControl
import Wire

// Settings, as each module takes them.

extension RuleSetting {
    /// The queues: for data one for each core, four at most, unless the file says how many.
    public init(_ settings: Settings) throws {
        let advanced = settings.advanced
        let queues = advanced.dataQueues ?? min(4, onlineProcessors)
        guard let mark = PacketMark(mask: advanced.markMask) else { throw UnusableSetting.markMask(advanced.markMask) }
        self.init(
            tun: advanced.tun, mark: mark, synQueue: advanced.queueBase,
            dataQueues: advanced.queueBase + 1...advanced.queueBase + UInt16(queues), routeTable: advanced.routeTable,
            rulePriority: advanced.rulePriority, listenAddress: advanced.listenAddress,
            listenAddress6: advanced.listenAddress6, backend: Backend(rawValue: advanced.iptables.rawValue) ?? .auto,
            inspectsEndToEnd: settings.intercept.inspect == .all,
            inspectsBulk: settings.intercept.inspect != .signalling, htb: TrafficControl.handle,
            steersSubflows: settings.steersSubflows,
            groups: SocketGroups(first: advanced.socketGroup), copiesDSCP: settings.relay.dscp,
            peers: settings.peers.isEmpty ? nil : settings.cluster.interface)
    }
}

enum UnusableSetting: Error, CustomStringConvertible {
    case markMask(UInt32)
    case socketGroup(SocketGroups)
    case fixed([String])

    var description: String {
        switch self {
        case .markMask(let mask): "[advanced] mark_mask: \(mask) is not twelve adjacent bits"
        case .socketGroup(let groups):
            """
            [advanced] socket_group: this process may not take the groups \(groups.range); it needs CAP_SETGID, and in a \
            container IDs that are mapped there
            """
        case .fixed(let keys):
            "[advanced] \(keys.joined(separator: ", ")) can't change while connections run; restart"
        }
    }
}

extension ConversionPolicy {
    init(_ settings: Settings) {
        let intercept = settings.intercept
        self.init(
            interfaces: Set(intercept.interfaces), ports: intercept.ports, clients: intercept.clients,
            servers: intercept.servers, connect: Connect(rawValue: intercept.connect.rawValue) ?? .faithful)
        copiesDSCP = settings.relay.dscp
    }
}

extension ConverterSetting {
    /// How many connections so many descriptors allow. A session takes two; some are kept for listeners and everything
    /// else.
    static func room(descriptorLimit: Int) -> Int { max(16, (descriptorLimit - min(1024, descriptorLimit / 4)) / 2) }

    init(_ settings: Settings, mark: PacketMark, descriptorLimit: Int) {
        let advanced = settings.advanced
        let room = Self.room(descriptorLimit: descriptorLimit)
        self.init(
            listenAddress: advanced.listenAddress, listenAddress6: advanced.listenAddress6, mark: mark,
            groups: SocketGroups(first: advanced.socketGroup), workers: settings.relay.workers ?? onlineProcessors,
            dialTimeout: advanced.dialTimeout,
            clientTimeout: advanced.clientTimeout, listenerIdle: advanced.listenerIdle,
            idleTimeout: settings.relay.idleTimeout, clientKeepalive: settings.relay.clientKeepalive,
            serverKeepalive: settings.relay.serverKeepalive, upstreamPorts: settings.ownUpstreamPorts,
            maxPending: advanced.maxHeld, maxPendingPerClient: advanced.maxHeldPerClient,
            maxConnections: min(advanced.maxConnections ?? room, room), serverMemory: advanced.serverMemory,
            serverMemoryEntries: advanced.serverMemoryEntries,
            receiveBuffer: settings.relay.receiveBuffer.map { Int32(clamping: $0.bytes) },
            sendBuffer: settings.relay.sendBuffer.map { Int32(clamping: $0.bytes) },
            congestionControl: settings.relay.congestionControl, copiesDSCP: settings.relay.dscp)
        bindsDials = settings.slices == nil
    }
}

extension HTTPAddress {
    init(_ endpoint: Endpoint) { self.init(host: endpoint.address.description, port: endpoint.port) }
}

extension HTTPSetting {
    /// nil when nothing is to be served; reads the file with the token. Throws `HTTPTokenError`.
    init?(_ admin: Settings.Admin) throws(HTTPTokenError) {
        guard let http = admin.http else { return nil }
        var token: HTTPToken?
        if let path = admin.httpToken { token = try HTTPToken(contentsOf: path) }
        self.init(address: HTTPAddress(http), token: token, names: admin.httpNames)
    }
}

extension PacketQueue.Options {
    /// Whole packets, since they are put into the TUN device as they are; without GSO, so that the kernel completes
    /// their checksums first. Room for all that are held, and for the others meanwhile.
    static func syn(held: Int) -> Self {
        Self(copyRange: .max, maximumLength: UInt32(clamping: held * 2 + 1024), gso: false)
    }

    /// Headers are enough: 60 bytes of IPv4 or 40 and some of IPv6, 60 of TCP.
    static func data() -> Self {
        Self(copyRange: 192, maximumLength: 8192, gso: true)
    }
}

/// Processors that may be used: threads are made by their number.
private let onlineProcessors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
