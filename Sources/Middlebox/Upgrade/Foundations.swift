import Firewall
import HandOver
import LinuxSystem
import NetfilterQueue
import Settings

/// What a daemon has in the kernel from its start to its end: made at its start, or taken over from the one before.
struct Foundations: ~Copyable {
    /// nil where the kernel allows none.
    let guarding: StrayGuard?
    /// nil: there are no other boxes.
    let peers: PeerRoutes?
    let tun: TunDevice
    /// As many as there are data queues.
    let synQueues: [PacketQueue]
    let dataQueues: [PacketQueue]

    /// Made anew, in the network namespace of the calling thread.
    init(_ rules: RuleSetting, _ settings: Settings) throws {
        // Before all else: a killed process closes its descriptors in their order. Once the TUN device is gone the router's
        // rules reset the clients (rules.template), and the guard would drop the packets that they answer.
        let guarding = try? StrayGuard(rules.mark)
        let peers = try Self.peers(settings)
        let tun = try TunDevice(rules.tun)
        let synQueues = try rules.synQueues.map {
            try PacketQueue($0, .syn(held: settings.advanced.maxHeld), patience: .seconds(2))
        }
        let dataQueues = try rules.dataQueues.map { try PacketQueue($0, .data(), patience: .seconds(2)) }
        // Nobody else's: what has no reader passes it by, but another program's packets would be mixed with these.
        _ = try PacketQueue(rules.acknowledgementQueue, .data(), patience: .seconds(2))
        self.init(guarding: guarding, peers: peers, tun: tun, synQueues: synQueues, dataQueues: dataQueues)
    }

    /// Taken over, in the order of `HandOverOffer`; nothing of it is changed yet. Throws `RecordError`, `QueueError` or
    /// `UnusableCluster`.
    init(
        _ rules: RuleSetting, _ settings: Settings, _ offer: HandOverOffer, _ descriptors: ReceivedDescriptors
    ) throws {
        let guarding = offer.hasGuard ? try StrayGuard(owning: Self.next(offer, descriptors)) : nil
        // Without peers in this one's file the table goes with the daemon before.
        let peers =
            if offer.hasPeers {
                Self.peers(settings, owning: try Self.next(offer, descriptors))
            } else {
                try Self.peers(settings)
            }
        let tun = TunDevice(rules.tun, owning: try Self.next(offer, descriptors))
        let synQueues = try rules.synQueues.map {
            try PacketQueue($0, .syn(held: settings.advanced.maxHeld), owning: try Self.next(offer, descriptors))
        }
        let dataQueues = try rules.dataQueues.map {
            try PacketQueue($0, .data(), owning: try Self.next(offer, descriptors))
        }
        self.init(guarding: guarding, peers: peers, tun: tun, synQueues: synQueues, dataQueues: dataQueues)
    }

    private init(
        guarding: StrayGuard?, peers: PeerRoutes?, tun: TunDevice, synQueues: [PacketQueue], dataQueues: [PacketQueue]
    ) {
        self.guarding = guarding
        self.peers = peers
        self.tun = tun
        self.synQueues = synQueues
        self.dataQueues = dataQueues
    }

    private static func peers(_ settings: Settings) throws(UnusableCluster) -> PeerRoutes? {
        guard let interface = settings.peerInterface else { return nil }
        do throws(SystemError) {
            return try PeerRoutes(
                link: interface, peers: settings.routedPeers, clients: Set(settings.intercept.interfaces))
        } catch {
            throw UnusableCluster(error: error)
        }
    }

    private static func peers(_ settings: Settings, owning descriptor: consuming Descriptor) -> PeerRoutes? {
        guard let interface = settings.peerInterface else { return nil }
        return PeerRoutes(
            owning: descriptor, link: interface, peers: settings.routedPeers,
            clients: Set(settings.intercept.interfaces))
    }

    private static func next(
        _ offer: HandOverOffer, _ descriptors: ReceivedDescriptors
    ) throws(RecordError) -> Descriptor {
        guard let descriptor = descriptors.take() else {
            throw .descriptors(expected: offer.descriptors, found: 0)
        }
        return descriptor
    }
}

extension Settings {
    /// Settings that name or shape what is handed over, by their keys: a successor has to have them alike. `rules`: made of
    /// these settings.
    func fixed(_ rules: RuleSetting) -> [String: String] {
        [
            "tun": advanced.tun, "ifb": advanced.ifb, "queue_base": "\(rules.synQueue)",
            "data_queues": "\(rules.dataQueues.count)", "mark_mask": "\(advanced.markMask)",
            "socket_group": "\(advanced.socketGroup)", "route_table": "\(advanced.routeTable)",
            "rule_priority": "\(advanced.rulePriority)", "listen_address": "\(advanced.listenAddress)",
            "listen_address6": "\(advanced.listenAddress6)",
        ]
    }
}
