import Firewall
import HandOver
import LinuxSystem
import NetfilterQueue
import Settings

/// What a daemon has in the kernel from its start to its end: made at its start, or taken over from the one before.
struct Foundations: ~Copyable {
    /// nil where the kernel allows none.
    let guarding: StrayGuard?
    let tun: TunDevice
    /// As many as there are data queues.
    let synQueues: [PacketQueue]
    let dataQueues: [PacketQueue]

    /// Made anew, in the network namespace of the calling thread.
    init(_ rules: RuleSetting, held: Int) throws {
        // Before all else: a killed process closes its descriptors in their order. Once the TUN device is gone the router's
        // rules reset the clients (rules.template), and the guard would drop the packets that they answer.
        let guarding = try? StrayGuard(rules.mark)
        let tun = try TunDevice(rules.tun)
        let synQueues = try rules.synQueues.map { try PacketQueue($0, .syn(held: held), patience: .seconds(2)) }
        let dataQueues = try rules.dataQueues.map { try PacketQueue($0, .data(), patience: .seconds(2)) }
        // Nobody else's: what has no reader passes it by, but another program's packets would be mixed with these.
        _ = try PacketQueue(rules.acknowledgementQueue, .data(), patience: .seconds(2))
        self.init(guarding: guarding, tun: tun, synQueues: synQueues, dataQueues: dataQueues)
    }

    /// Taken over, in the order of `HandOverOffer`; nothing is changed yet. Throws `RecordError` or `QueueError`.
    init(_ rules: RuleSetting, held: Int, _ offer: HandOverOffer, _ descriptors: ReceivedDescriptors) throws {
        let guarding = offer.hasGuard ? try StrayGuard(owning: Self.next(offer, descriptors)) : nil
        let tun = TunDevice(rules.tun, owning: try Self.next(offer, descriptors))
        let synQueues = try rules.synQueues.map {
            try PacketQueue($0, .syn(held: held), owning: try Self.next(offer, descriptors))
        }
        let dataQueues = try rules.dataQueues.map {
            try PacketQueue($0, .data(), owning: try Self.next(offer, descriptors))
        }
        self.init(guarding: guarding, tun: tun, synQueues: synQueues, dataQueues: dataQueues)
    }

    private init(
        guarding: StrayGuard?, tun: TunDevice, synQueues: [PacketQueue], dataQueues: [PacketQueue]
    ) {
        self.guarding = guarding
        self.tun = tun
        self.synQueues = synQueues
        self.dataQueues = dataQueues
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
