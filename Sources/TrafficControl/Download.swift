import SystemPackage

/// The HTB on an interface's egress.
extension TrafficControl {
    func downloadObstacle(_ interface: ShapedInterface, takeOver: Bool) throws(TrafficControlError) {
        if downloads.contains(interface.index), isDownloadAttached(interface) { return }
        var device = interface.index
        if let root = try socket.qdiscs(device).root, Shaper.isOurs(root) {
            // Of an earlier run, which may have taken over another.
            guard let keeper = try Self.keepers(interface, socket).first else { return }
            device = keeper.device.index
        }
        guard let root = try socket.qdiscs(device).root, !root.isDefault else { return }
        guard takeOver else { throw .occupied(root, interface) }
        let tree = try QdiscTree(of: device, socket)
        if let object = tree.unrepeatable {
            throw .irreplaceable(root, interface, "\(object) is of a kind that Sluice doesn't know")
        }
    }

    func attachDownload(_ interface: ShapedInterface, takeOver: Bool) throws(TrafficControlError) {
        if downloads.contains(interface.index), isDownloadAttached(interface) { return }
        try Self.putBack(interface, socket)
        try downloadObstacle(interface, takeOver: takeOver)
        var isKept = false
        if let root = try socket.qdiscs(interface.index).root, !root.isDefault {
            isKept = true
            try Keeper.make(QdiscTree(of: interface.index, socket), of: interface, socket)
        }
        do throws(TrafficControlError) {
            try addShaper(to: interface.index, isKept ? .replacing : .exclusive)
        } catch {
            try? Self.putBack(interface, socket)
            throw error
        }
        downloads.insert(interface.index)
    }

    func isDownloadAttached(_ interface: ShapedInterface) -> Bool {
        (try? socket.qdiscs(interface.index).root).map(Shaper.isOurs) ?? false
    }

    private static func keepers(
        _ interface: ShapedInterface, _ socket: RouteSocket
    ) throws(TrafficControlError) -> [Keeper] {
        try socket.links().compactMap(Keeper.init).filter { $0.interface.index == interface.index }
    }

    /// Takes our root away; puts back what is kept of this interface.
    static func putBack(_ interface: ShapedInterface, _ socket: RouteSocket) throws(TrafficControlError) {
        for keeper in try keepers(interface, socket) { try keeper.restore(socket) }
        if let root = try socket.qdiscs(interface.index).root, Shaper.isOurs(root) {
            try socket.remove(root, from: interface.index)
        }
    }

    /// The root, then the default class: until that is there, the direct queue takes all. Exclusive: should there be a
    /// root that a list has missed, the kernel refuses; its own default is none.
    func addShaper(to device: UInt32, _ manner: RouteSocket.Manner = .exclusive) throws(TrafficControlError) {
        try socket.add(Shaper.root, to: device, manner)
        try socket.add(Shaper.shapingClass(Shaper.defaultMinor, rate: Shaper.unlimited), to: device)
        try addLeaf(Shaper.defaultMinor, Shaper.boundedDefaultLeaf, to: device)
    }

    func addLeaf(_ minor: UInt16, _ bounded: TrafficObject, to device: UInt32) throws(TrafficControlError) {
        if hasFairQueueing {
            do throws(TrafficControlError) {
                return try socket.add(Shaper.fairLeaf(minor), to: device, .replacing)
            } catch {
                if error.errno != .noSuchFileOrDirectory { throw error }
            }
        }
        try socket.add(bounded, to: device, .replacing)
        // Not before: a class that isn't there has the same errno.
        hasFairQueueing = false
    }
}
