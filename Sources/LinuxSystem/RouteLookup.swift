import Glibc
import Wire

/// Questions to the kernel's routing (rtnetlink(7), RTM_GETROUTE).
public struct RouteLookup: ~Copyable {
    private let socket: NetlinkSocket

    /// In the network namespace of the calling thread.
    public init() throws(SystemError) { socket = try NetlinkSocket(0) }

    /// The interface by which packets to this address leave; nil if there is no route.
    public func interface(to address: IPAddress) -> UInt32? {
        // nlmsghdr, rtmsg and one attribute, RTA_DST.
        let destination = Array(address.bytes.suffix(address.bitWidth / 8))
        var request = [UInt8](repeating: 0, count: 16 + 12 + 4)
        request += destination
        request.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: UInt32(bytes.count), as: UInt32.self)
            bytes.storeBytes(of: 26, toByteOffset: 4, as: UInt16.self)  // RTM_GETROUTE
            bytes.storeBytes(of: 1, toByteOffset: 6, as: UInt16.self)  // NLM_F_REQUEST
            bytes[16] = UInt8(address.addressFamily)
            bytes[17] = UInt8(address.bitWidth)
            bytes.storeBytes(of: UInt16(4 + destination.count), toByteOffset: 28, as: UInt16.self)
            bytes.storeBytes(of: 1, toByteOffset: 30, as: UInt16.self)  // RTA_DST
        }
        let answer = request.withUnsafeBytes { try? socket.exchange($0) }
        guard let reply = answer, let index = reply.attribute(4, in: reply.attributes(afterHeader: 12))
        else { return nil }
        // struct rtmsg has 12 bytes; 4 is RTA_OIF.
        return reply.word(at: index.lowerBound)
    }
}
