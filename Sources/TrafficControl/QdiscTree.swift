import CNetlinkRoute

/// All that hangs on a device's egress, without what is counted and what the kernel chooses by itself: two devices that
/// treat packets alike have equal trees.
struct QdiscTree: Hashable {
    private(set) var qdiscs: Set<TrafficObject> = []
    private(set) var classes: Set<TrafficObject> = []
    private(set) var filters: Set<TrafficObject> = []
    /// The first thing that is known not to be made again from what the kernel tells of it.
    private(set) var unrepeatable: TrafficObject?

    /// Kinds whose classes are made one by one. The others have those that come with them.
    private static let kindsWithClasses: Set<String> = ["htb", "hfsc", "drr", "qfq"]

    init(of interface: UInt32, _ socket: RouteSocket) throws(TrafficControlError) {
        for object in try socket.qdiscs(interface) where object.parent != .ingressHook && !object.isDefault {
            add(object, to: \.qdiscs)
        }
        for object in try socket.classes(interface) where Self.kindsWithClasses.contains(object.kind) {
            add(object, to: \.classes)
        }
        for parent in qdiscs.union(classes) {
            for object in try socket.filters(interface, at: parent.handle) { add(object, to: \.filters) }
        }
    }

    var root: TrafficObject? { qdiscs.first { $0.parent == .root } }

    private mutating func add(_ object: TrafficObject, to set: WritableKeyPath<Self, Set<TrafficObject>>) {
        switch object.replica {
        case .same(let replica): self[keyPath: set].insert(replica)
        case .implied: break
        case .unknown: unrepeatable = unrepeatable ?? object
        }
    }

    /// Makes all of it on a device that has none of it.
    func build(on interface: UInt32, _ socket: RouteSocket) throws(TrafficControlError) {
        var made: Set<Handle> = [.root]
        var missing = qdiscs.union(classes)
        while !missing.isEmpty {
            let ready = missing.filter { isReady($0, made) }.sorted { $0.handle < $1.handle }
            if ready.isEmpty { throw TrafficControlError("\(missing.first!) hangs on nothing", mend: "") }
            for object in ready { try socket.add(object, to: interface) }
            made.formUnion(ready.map(\.handle))
            missing.subtract(ready)
        }
        // u32's tables before the filters that lead to them.
        for object in filters.sorted(by: { $0.buildOrder < $1.buildOrder }) { try socket.add(object, to: interface) }
    }

    private func isReady(_ object: TrafficObject, _ made: Set<Handle>) -> Bool {
        if object.layer == .class { return made.contains(object.handle.qdisc) && made.contains(object.parent) }
        // A qdisc may hang on a class that came with its own qdisc.
        let isOnImpliedClass = !classes.contains { $0.handle == object.parent }
        return made.contains(object.parent) || made.contains(object.parent.qdisc) && isOnImpliedClass
    }
}

extension TrafficObject {
    fileprivate var buildOrder: (Int, UInt16, UInt32) {
        (options?.nested.find(TCA_U32_DIVISOR) != nil && kind == "u32" ? 0 : 1, pref, handle.rawValue)
    }
}
