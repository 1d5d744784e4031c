/// Taking away what is ours, whoever put it there.
extension TrafficControl {
    static func removeEverything(_ socket: RouteSocket) throws(TrafficControlError) {
        var failures: [TrafficControlError] = []
        func attempt(_ body: () throws(TrafficControlError) -> Void) {
            do throws(TrafficControlError) { try body() } catch { failures.append(error) }
        }
        attempt { () throws(TrafficControlError) in try removeUploads(socket) }
        for link in try socket.links() {
            guard let keeper = Keeper(link) else { continue }
            attempt { () throws(TrafficControlError) in try keeper.restore(socket) }
        }
        for (interface, qdiscs) in try socket.qdiscs() {
            guard let root = qdiscs.root, Shaper.isOurs(root) else { continue }
            attempt { () throws(TrafficControlError) in try socket.remove(root, from: interface) }
        }
        if let failure = failures.first { throw failure }
    }

    /// From every interface our filters, then the IFB devices that they lead to.
    static func removeUploads(_ socket: RouteSocket) throws(TrafficControlError) {
        for (interface, qdiscs) in try socket.qdiscs() where qdiscs.hook != nil {
            try removeFilters(interface, socket)
        }
        try removeDevices(socket)
    }

    static func removeDevices(_ socket: RouteSocket) throws(TrafficControlError) {
        for link in try socket.links() where link.kind == "ifb" && link.alias == deviceAlias {
            try socket.removeLink(link.index)
        }
    }

    /// Our filters on what comes in by an interface; and the ingress qdisc, if we made it and nobody else uses it.
    static func removeFilters(_ interface: UInt32, _ socket: RouteSocket) throws(TrafficControlError) {
        guard let hook = try socket.qdiscs(interface).hook else { return }
        var ownsHook = false
        for isOwner in [true, false] {
            for table in tables(ownsHook: isOwner) {
                let there = try socket.filters(interface, at: .ingressFilters)
                guard there.contains(where: table.holds) else { continue }
                for object in table.removals(there) { try socket.remove(object, from: interface) }
                if isOwner { ownsHook = true }
            }
        }
        guard ownsHook, hook.kind == "ingress", try socket.filters(interface, at: .ingressFilters).isEmpty else {
            return
        }
        try socket.remove(hook, from: interface)
    }
}
