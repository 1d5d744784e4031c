import LinuxSystem

/// The qdiscs of an interface that was taken over, on an IFB device that is never up: the kernel keeps them whatever
/// becomes of this process. The device's alias says whose they are and how far things are.
struct Keeper {
    enum Stage: String {
        /// Incomplete; the interface still has its own.
        case copies
        /// Complete: puts back what the interface has had.
        case keeps
        /// Complete, and the interface's may be incomplete.
        case restores
    }

    let device: Link
    let stage: Stage
    let interface: ShapedInterface

    init?(_ link: Link) {
        let words = link.alias.split(separator: " ")
        guard link.kind == "ifb", words.count == 6, words[0] == "sluice", let stage = Stage(rawValue: String(words[1])),
            let index = UInt32(words[4])
        else { return nil }
        device = link
        self.stage = stage
        interface = ShapedInterface(index: index, name: String(words[5]))
    }

    private static func alias(_ stage: Stage, _ interface: ShapedInterface) -> String {
        "sluice \(stage) qdiscs of \(interface.index) \(interface.name)"
    }

    /// Copies a tree; when the copy differs, the device goes again and the error says so.
    static func make(
        _ tree: QdiscTree, of interface: ShapedInterface, _ socket: RouteSocket
    ) throws(TrafficControlError) {
        let name = "sluice-" + hex(interface.index)
        let device = try socket.makeIFB(name, alias: alias(.copies, interface), isUp: false)
        do throws(TrafficControlError) {
            try tree.build(on: device, socket)
            guard try QdiscTree(of: device, socket) == tree else {
                throw TrafficControlError("a copy differs from it", mend: "")
            }
            try socket.setAlias(alias(.keeps, interface), of: name)
        } catch {
            try? socket.removeLink(device)
            throw .irreplaceable(tree.root, interface, error.problem)
        }
    }

    /// Puts back what is kept in place of what is there, unless somebody else has put something there.
    func restore(_ socket: RouteSocket) throws(TrafficControlError) {
        let root = try socket.qdiscs(interface.index).root
        let isOurs = root.map(Shaper.isOurs) ?? false
        let isFree = isOurs || root?.isDefault ?? true
        // An index that is used again after the interface has gone; a name that was changed while ours was on it.
        let isThere = isOurs || NetworkInterface.name(interface.index) == interface.name
        if isThere, stage == .restores || stage == .keeps && isFree {
            try socket.setAlias(Self.alias(.restores, interface), of: device.name)
            if let root, !root.isDefault { try socket.remove(root, from: interface.index) }
            try QdiscTree(of: device.index, socket).build(on: interface.index, socket)
        }
        try socket.removeLink(device.index)
    }
}

extension [TrafficObject] {
    /// Of the egress.
    var root: TrafficObject? { first { $0.layer == .qdisc && $0.parent == .root } }
    /// ingress or clsact.
    var hook: TrafficObject? { first { $0.layer == .qdisc && $0.parent == .ingressHook } }
}

extension TrafficControlError {
    static func irreplaceable(_ qdisc: TrafficObject?, _ interface: ShapedInterface, _ reason: String) -> Self {
        Self(
            "\(interface.name) has \(qdisc.map { "\($0)" } ?? "a qdisc"), which could not be put back: \(reason)",
            mend: "take it away by hand: tc qdisc del dev \(interface.name) root")
    }

    static func occupied(_ qdisc: TrafficObject, _ interface: ShapedInterface) -> Self {
        Self(
            "\(interface.name) has \(qdisc) of somebody else's",
            mend: "set take_over = true in the rule, or remove it: tc qdisc del dev \(interface.name) root")
    }
}
