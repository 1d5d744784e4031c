import Glibc
import SystemPackage
public import Wire

/// The in-kernel path manager's limits (net/mptcp/pm_netlink.c), as `ip mptcp limits` shows them.
public struct PathManagerLimits: Sendable, Hashable {
    /// How many subflows a connection may have besides its first, joins of the peer's included.
    public let subflows: UInt32

    public init(subflows: UInt32) { self.subflows = subflows }

    /// Asks the kernel, in the network namespace of the calling thread. Takes no privilege.
    public static func read() throws(SystemError) -> PathManagerLimits {
        let netlink = try GenericNetlink("mptcp_pm")
        let reply = try netlink.socket.exchange(netlink.message(getLimits))
        guard let subflows = reply.attribute(subflowsAttribute, in: reply.attributes(afterHeader: 4)) else {
            throw SystemError("MPTCP_PM_CMD_GET_LIMITS", .badMessage)
        }
        return PathManagerLimits(subflows: reply.word(at: subflows.lowerBound))
    }

    // linux/mptcp.h
    private static let getLimits: UInt8 = 6
    private static let subflowsAttribute: UInt16 = 3
}

/// A path manager in user space (net/mptcp/pm_userspace.c), for MPTCP connections that were opened here while
/// net.mptcp.pm_type was 1. As long as this object lives the kernel lets peers join them, as it does by itself for its
/// own path manager's (mptcp_pm_allow_new_subflow). Takes CAP_NET_ADMIN. One object a thread.
public struct UserspacePathManager: ~Copyable {
    private let netlink: GenericNetlink
    /// Its membership alone counts: nobody reads the events, and the kernel drops what doesn't fit.
    private let listener: GenericNetlink

    /// In the network namespace of the calling thread.
    public init() throws(SystemError) {
        let netlink = try GenericNetlink("mptcp_pm")
        let listener = try GenericNetlink("mptcp_pm")
        try listener.socket.limitReceiveBuffer()
        try listener.join(group: "mptcp_pm_events")
        self.netlink = netlink
        self.listener = listener
    }

    /// Has this host send by one subflow only when no other works, and asks the peer for the same by MP_PRIO (RFC 8684
    /// section 3.3.8); or takes that back. `token`: the one by which the peer joins. The errno when the kernel refuses:
    /// ESRCH or EINVAL for a connection that is gone, or has another path manager.
    public func setBackup(
        _ isBackup: Bool, token: UInt32, local: Endpoint, remote: Endpoint
    ) throws(SystemError) -> Errno? {
        var order = netlink.message(Self.setFlags, flags: NetlinkMessage.request | NetlinkMessage.acknowledge)
        order.nest(Self.localAddress) { order in
            Self.add(local, to: &order)
            order.add(Self.flags, isBackup ? Self.backup : 0)
        }
        order.add(Self.token, token)
        order.nest(Self.remoteAddress) { Self.add(remote, to: &$0) }
        return try netlink.socket.carryOut(order)
    }

    /// Resets one subflow. The errno when the kernel refuses, as of `setBackup`.
    public func reset(token: UInt32, local: Endpoint, remote: Endpoint) throws(SystemError) -> Errno? {
        var order = netlink.message(Self.destroySubflow, flags: NetlinkMessage.request | NetlinkMessage.acknowledge)
        order.nest(Self.localAddress) { Self.add(local, to: &$0) }
        order.add(Self.token, token)
        order.nest(Self.remoteAddress) { Self.add(remote, to: &$0) }
        return try netlink.socket.carryOut(order)
    }

    private static func add(_ endpoint: Endpoint, to order: inout NetlinkMessage) {
        let address = endpoint.address
        order.add(family, UInt16(address.addressFamily))
        order.add(address.isIPv4 ? address4 : address6, Array(address.bytes.suffix(address.bitWidth / 8)))
        order.add(port, endpoint.port)
    }

    // linux/mptcp.h: MPTCP_PM_CMD_SET_FLAGS, MPTCP_PM_CMD_SUBFLOW_DESTROY, MPTCP_PM_ATTR_…, MPTCP_PM_ADDR_ATTR_…, MPTCP_PM_ADDR_FLAG_BACKUP
    private static let setFlags: UInt8 = 7
    private static let destroySubflow: UInt8 = 11
    private static let localAddress: UInt16 = 1
    private static let token: UInt16 = 4
    private static let remoteAddress: UInt16 = 6
    private static let family: UInt16 = 1
    private static let address4: UInt16 = 3
    private static let address6: UInt16 = 4
    private static let port: UInt16 = 5
    private static let flags: UInt16 = 6
    private static let backup: UInt32 = 1 << 2
}
