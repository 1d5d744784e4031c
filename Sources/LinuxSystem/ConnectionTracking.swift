import Glibc
import SystemPackage
public import Wire

/// Marks of conntrack entries, changed over ctnetlink (net/netfilter/nf_conntrack_netlink.c). One object a thread. Takes
/// CAP_NET_ADMIN.
public struct ConnectionTracking: ~Copyable {
    private let socket: NetlinkSocket

    /// In the network namespace of the calling thread.
    public init() throws(SystemError) { socket = try NetlinkSocket(Self.netlinkNetfilter) }

    /// Exchanges the bits of `mask` in the mark of a TCP connection's entry for those of `value`. False when there is no
    /// such entry.
    public func setMark(of tuple: FourTuple, _ value: UInt32, mask: UInt32) throws(SystemError) -> Bool {
        let family = UInt8(tuple.client.address.addressFamily)
        // struct nfgenmsg: the family, version 0, no resource.
        var order = NetlinkMessage(
            type: Self.newEntry, flags: NetlinkMessage.request | NetlinkMessage.acknowledge, header: [family, 0, 0, 0])
        order.nest(Self.originalTuple) { order in
            order.nest(Self.tupleAddresses) { order in
                let isIPv4 = tuple.client.address.isIPv4
                Self.add(tuple.client.address, isIPv4 ? Self.source4 : Self.source6, to: &order)
                Self.add(tuple.server.address, isIPv4 ? Self.destination4 : Self.destination6, to: &order)
            }
            order.nest(Self.tupleProtocol) { order in
                order.add(Self.protocolNumber, UInt8(IPPROTO_TCP))
                order.add(Self.sourcePort, tuple.client.port.bigEndian)
                order.add(Self.destinationPort, tuple.server.port.bigEndian)
            }
        }
        order.add(Self.mark, value.bigEndian)
        order.add(Self.markMask, mask.bigEndian)
        guard let errno = try socket.carryOut(order) else { return true }
        if errno == .noSuchFileOrDirectory { return false }
        throw SystemError("set connmark of \(tuple.client) > \(tuple.server)", errno)
    }

    private static func add(_ address: IPAddress, _ type: UInt16, to order: inout NetlinkMessage) {
        order.add(type, Array(address.bytes.suffix(address.bitWidth / 8)))
    }

    // linux/netfilter/nfnetlink.h, linux/netfilter/nfnetlink_conntrack.h
    private static let netlinkNetfilter: Int32 = 12
    private static let newEntry: UInt16 = 1 << 8
    private static let originalTuple: UInt16 = 1
    private static let mark: UInt16 = 8
    private static let markMask: UInt16 = 21
    private static let tupleAddresses: UInt16 = 1
    private static let tupleProtocol: UInt16 = 2
    private static let source4: UInt16 = 1
    private static let destination4: UInt16 = 2
    private static let source6: UInt16 = 3
    private static let destination6: UInt16 = 4
    private static let protocolNumber: UInt16 = 1
    private static let sourcePort: UInt16 = 2
    private static let destinationPort: UInt16 = 3
}
