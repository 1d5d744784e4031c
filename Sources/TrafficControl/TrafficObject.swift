import CNetlinkRoute

/// A qdisc, class or filter, as rtnetlink(7) tells of it and as it is told of it: `struct tcmsg` and attributes.
struct TrafficObject: Hashable, Sendable {
    enum Layer: Sendable {
        case qdisc
        case `class`
        case filter
    }

    var layer: Layer
    /// A filter's handle is its kind's own affair.
    var handle: Handle
    var parent: Handle
    /// A filter's pref and protocol.
    var info: UInt32 = 0
    var attributes: [Attribute]

    init(_ layer: Layer, _ kind: String, handle: Handle, parent: Handle, options: [UInt8]? = nil) {
        self.layer = layer
        self.handle = handle
        self.parent = parent
        attributes = [Attribute(TCA_KIND, kind)]
        if let options { attributes.append(Attribute(TCA_OPTIONS, options)) }
    }

    var kind: String { attributes.find(TCA_KIND)?.text ?? "" }
    var options: Attribute? { attributes.find(TCA_OPTIONS) }
    var pref: UInt16 { UInt16(info >> 16) }

    /// The kernel's own choice, which it puts there when nothing else is: such have no handle.
    var isDefault: Bool { handle == .none }
}

extension TrafficObject: CustomStringConvertible {
    var description: String {
        switch layer {
        case .qdisc: "qdisc \(kind) \(handle)"
        case .class: "class \(kind) \(handle)"
        case .filter: "filter \(kind) pref \(pref) at \(parent)"
        }
    }
}

extension TrafficObject {
    /// The messages that make, remove and list objects of a layer.
    static func messageTypes(_ layer: Layer) -> (new: Int, delete: Int, get: Int) {
        switch layer {
        case .qdisc: (RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC)
        case .class: (RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS)
        case .filter: (RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER)
        }
    }

    func header(_ interface: UInt32) -> tcmsg {
        var header = tcmsg()
        header.tcm_ifindex = Int32(bitPattern: interface)
        header.tcm_handle = handle.rawValue
        header.tcm_parent = parent.rawValue
        header.tcm_info = info
        return header
    }

    init(_ layer: Layer, _ header: tcmsg, _ attributes: [Attribute]) {
        self.layer = layer
        handle = Handle(rawValue: header.tcm_handle)
        parent = Handle(rawValue: header.tcm_parent)
        info = header.tcm_info
        self.attributes = attributes
    }
}
