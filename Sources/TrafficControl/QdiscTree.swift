import CNetlinkRoute

/// All that hangs on a device's egress, without what is counted and what the kernel chooses by itself: two devices that
/// treat packets alike have equal trees.
struct QdiscTree: Equatable {
    private(set) var qdiscs: Set<TrafficObject> = []
    private(set) var classes: Set<TrafficObject> = []
    private(set) var filters: Set<TrafficObject> = []
    /// Of the table that each pref of u32 begins with, by pref and protocol. The kernel counts them on, so that making
    /// the prefs in their order mostly gives them again; not part of what is compared.
    private var tableNumbers: [UInt32: UInt32] = [:]
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
            for object in try socket.filters(interface, at: parent.handle) {
                add(object, to: \.filters)
                if object.isFirstTable { tableNumbers[object.info] = object.handle.rawValue }
            }
        }
    }

    static func == (left: Self, right: Self) -> Bool {
        left.qdiscs == right.qdiscs && left.classes == right.classes && left.filters == right.filters
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
        for object in filters.sorted(by: { buildOrder($0) < buildOrder($1) }) { try socket.add(object, to: interface) }
    }

    /// Those of u32 that lead to a table come last.
    private func buildOrder(_ filter: TrafficObject) -> (Int, UInt32, Int, UInt32) {
        let options = filter.options?.nested ?? []
        let isLink = filter.kind == "u32" && options.find(TCA_U32_LINK) != nil
        let isTable = filter.kind == "u32" && options.find(TCA_U32_DIVISOR) != nil
        return (isLink ? 1 : 0, tableNumbers[filter.info] ?? 0, isTable ? 0 : 1, filter.handle.rawValue)
    }

    private func isReady(_ object: TrafficObject, _ made: Set<Handle>) -> Bool {
        if object.layer == .class { return made.contains(object.handle.qdisc) && made.contains(object.parent) }
        // A qdisc may hang on a class that came with its own qdisc.
        let isOnImpliedClass = !classes.contains { $0.handle == object.parent }
        return made.contains(object.parent) || made.contains(object.parent.qdisc) && isOnImpliedClass
    }
}

extension TrafficObject {
    fileprivate var isFirstTable: Bool { kind == "u32" && handle.rawValue >> 31 == 1 && handle.rawValue & 0xfffff == 0 }
}
