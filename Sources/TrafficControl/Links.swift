import CNetlinkRoute
import Glibc
import LinuxSystem
import SystemPackage

/// A network device as rtnetlink(7) lists it.
struct Link: Hashable, Sendable {
    let index: UInt32
    let name: String
    /// `ifb`, `veth`, …; empty for hardware.
    let kind: String
    let alias: String
}

extension RouteSocket {
    func links() throws(TrafficControlError) -> [Link] {
        let request = Request(RTM_GETLINK, 0, ifinfomsg(), [], "list the interfaces")
        return try list(request).map { reply in
            let (header, attributes) = reply.parts(ifinfomsg.self)
            let information = attributes.find(IFLA_LINKINFO)?.nested ?? []
            return Link(
                index: UInt32(bitPattern: header.ifi_index), name: attributes.find(IFLA_IFNAME)?.text ?? "",
                kind: information.find(IFLA_INFO_KIND)?.text ?? "",
                alias: attributes.find(IFLA_IFALIAS)?.text ?? "")
        }
    }

    /// Makes an IFB device. Its alias can't be set with the message that makes it, yet in the same datagram: there is
    /// no moment at which a device of ours could be left behind without it.
    func makeIFB(_ name: String, alias: String, isUp: Bool) throws(TrafficControlError) -> UInt32 {
        guard let link = rtnl_link_alloc() else { preconditionFailure("out of memory") }
        defer { rtnl_link_put(link) }
        rtnl_link_set_type(link, "ifb")
        rtnl_link_set_name(link, name)
        var message: OpaquePointer?
        guard rtnl_link_build_add_request(link, NLM_F_CREATE | NLM_F_EXCL, &message) == 0, let message else {
            throw TrafficControlError("make the device \(name)", .invalidArgument)
        }
        let creation = Request(owning: message, "make the IFB device \(name)", module: "ifb")
        try send([creation, change(name, alias: alias)])
        // What is led through it keeps the device that it came in by; of its own the IFB has nothing to say.
        try? Sysctl.write("net/ipv6/conf/\(name)/disable_ipv6", "1")
        if isUp { try send([change(name, alias: alias, isUp: true)]) }
        guard let index = NetworkInterface.index(name) else {
            throw TrafficControlError("find the device \(name)", Errno(rawValue: ENODEV))
        }
        return index
    }

    func setAlias(_ alias: String, of name: String) throws(TrafficControlError) {
        try send([change(name, alias: alias)])
    }

    private func change(_ name: String, alias: String, isUp: Bool = false) -> Request {
        var header = ifinfomsg()
        header.ifi_flags = isUp ? UInt32(IFF_UP) : 0
        header.ifi_change = header.ifi_flags
        let attributes = [
            Attribute(IFLA_IFNAME, name), Attribute(IFLA_IFALIAS, [UInt8](alias.utf8)),
        ]
        return Request(RTM_NEWLINK, 0, header, attributes, "set up the device \(name)")
    }

    func removeLink(_ index: UInt32) throws(TrafficControlError) {
        var header = ifinfomsg()
        header.ifi_index = Int32(bitPattern: index)
        do throws(TrafficControlError) {
            try send([Request(RTM_DELLINK, 0, header, [], "remove the device \(interfaceName(index))")])
        } catch let error where error.isAbsence {
            return
        }
    }
}
