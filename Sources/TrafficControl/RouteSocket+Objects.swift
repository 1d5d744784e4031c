import CNetlinkRoute
import Glibc
import LinuxSystem

extension RouteSocket {
    /// How a new object meets one that is there.
    enum Manner {
        /// It's an error.
        case exclusive
        /// The one that is there is changed, or replaced where it can't be.
        case replacing

        fileprivate var flags: Int32 {
            switch self {
            case .exclusive: NLM_F_CREATE | NLM_F_EXCL
            case .replacing: NLM_F_CREATE | NLM_F_REPLACE
            }
        }
    }

    func add(
        _ object: TrafficObject, to interface: UInt32, _ manner: Manner = .exclusive
    ) throws(TrafficControlError) {
        try send([addition(of: object, to: interface, manner)])
    }

    func addition(of object: TrafficObject, to interface: UInt32, _ manner: Manner = .exclusive) -> Request {
        Request(
            TrafficObject.messageTypes(object.layer).new, manner.flags, object.header(interface), object.attributes,
            "make \(object) on \(interfaceName(interface))", module: object.module)
    }

    /// What isn't there needs no removing.
    func remove(_ object: TrafficObject, from interface: UInt32) throws(TrafficControlError) {
        let request = Request(
            TrafficObject.messageTypes(object.layer).delete, 0, object.header(interface),
            object.attributes.filter { $0.type == TCA_KIND || $0.type == TCA_CHAIN },
            "remove \(object) from \(interfaceName(interface))")
        do throws(TrafficControlError) {
            try send([request])
        } catch let error where error.isAbsence {
            return
        }
    }

    /// The qdiscs of one interface, or of all.
    func qdiscs(_ interface: UInt32) throws(TrafficControlError) -> [TrafficObject] {
        try qdiscs()[interface] ?? []
    }

    func qdiscs() throws(TrafficControlError) -> [UInt32: [TrafficObject]] {
        var byInterface: [UInt32: [TrafficObject]] = [:]
        for (interface, object) in try objects(.qdisc, tcmsg()) { byInterface[interface, default: []].append(object) }
        return byInterface
    }

    func classes(_ interface: UInt32) throws(TrafficControlError) -> [TrafficObject] {
        try objects(.class, TrafficObject(.class, "", handle: .none, parent: .none).header(interface)).map(\.1)
    }

    func filters(_ interface: UInt32, at parent: Handle) throws(TrafficControlError) -> [TrafficObject] {
        try objects(.filter, TrafficObject(.filter, "", handle: .none, parent: parent).header(interface)).map(\.1)
    }

    private func objects(
        _ layer: TrafficObject.Layer, _ header: tcmsg
    ) throws(TrafficControlError) -> [(UInt32, TrafficObject)] {
        let request = Request(TrafficObject.messageTypes(layer).get, 0, header, [], "list the \(layer) objects")
        return try list(request).map { reply in
            let (header, attributes) = reply.parts(tcmsg.self)
            return (UInt32(bitPattern: header.tcm_ifindex), TrafficObject(layer, header, attributes))
        }
    }
}

extension TrafficObject {
    /// The module that has it, by the kernel's own naming, as modprobe takes it; a class comes with its qdisc.
    fileprivate var module: String? {
        switch layer {
        case .qdisc: "sch_\(kind)"
        case .class: nil
        case .filter: options?.nested.find(TCA_U32_ACT) == nil ? "cls_\(kind)" : "-a cls_\(kind) act_mirred"
        }
    }
}

func interfaceName(_ index: UInt32) -> String { NetworkInterface.name(index) ?? "interface \(index)" }
