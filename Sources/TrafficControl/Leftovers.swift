import Glibc
import LinuxSystem
import SystemPackage

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
            try clearIngress(interface, socket)
        }
        try removeDevices(socket)
    }

    static func removeDevices(_ socket: RouteSocket) throws(TrafficControlError) {
        for link in try socket.links() where link.kind == "ifb" && link.alias == deviceAlias {
            try socket.removeLink(link.index)
        }
    }

    /// Our filters on what comes in by an interface; and the ingress qdisc, if we made it and nobody else uses it.
    static func clearIngress(_ interface: UInt32, _ socket: RouteSocket) throws(TrafficControlError) {
        guard let hook = try socket.qdiscs(interface).hook else { return }
        let there = try socket.filters(interface, at: .ingressFilters)
        let own = tables(ownsHook: true)
        let all = (own + tables(ownsHook: false)).filter { there.contains(where: $0.holds) }
        let isOwner = hook.kind == "ingress" && all.contains(where: own.contains)
        if isOwner, there.allSatisfy({ object in all.contains { $0.holds(object) } }) {
            return try socket.remove(hook, from: interface)
        }
        for object in all.flatMap({ $0.removals(there) }) { try removePatiently(object, from: interface, socket) }
    }

    /// A table of u32 is in use until a grace period after the filter that led to it has gone (net/sched/cls_u32.c,
    /// u32_delete_key_work).
    private static func removePatiently(
        _ object: TrafficObject, from interface: UInt32, _ socket: RouteSocket
    ) throws(TrafficControlError) {
        let deadline = MonotonicTime.now + .seconds(2)
        while true {
            do throws(TrafficControlError) {
                return try socket.remove(object, from: interface)
            } catch let error where error.errno == .resourceBusy && MonotonicTime.now < deadline {
                usleep(2_000)
            }
        }
    }
}
