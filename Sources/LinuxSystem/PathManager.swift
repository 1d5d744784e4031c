import Glibc
import SystemPackage

/// The in-kernel path manager's limits (net/mptcp/pm_netlink.c), as `ip mptcp limits` shows them.
public struct PathManagerLimits: Sendable, Hashable {
    /// How many subflows a connection may have besides its first, joins of the peer's included.
    public let subflows: UInt32

    public init(subflows: UInt32) { self.subflows = subflows }

    /// Asks the kernel, in the network namespace of the calling thread. Takes no privilege.
    public static func read() throws(SystemError) -> PathManagerLimits {
        let socket = try NetlinkSocket(netlinkGeneric)
        let family = try Self.family("mptcp_pm", socket)
        let reply = try exchange(genericMessage(type: family, command: getLimits), socket)
        guard let subflows = reply.attribute(subflowsAttribute, in: reply.attributes(afterHeader: 4)) else {
            throw SystemError("MPTCP_PM_CMD_GET_LIMITS", .badMessage)
        }
        return PathManagerLimits(subflows: reply.word(at: subflows.lowerBound))
    }

    /// Generic netlink numbers its families as they register.
    private static func family(_ name: String, _ socket: borrowing NetlinkSocket) throws(SystemError) -> UInt16 {
        var payload = Array(name.utf8) + [0]
        let length = UInt16(4 + payload.count)
        while payload.count % 4 != 0 { payload.append(0) }
        let request =
            genericMessage(type: controller, command: getFamily, attribute: (familyNameAttribute, length, payload))
        let reply = try exchange(request, socket)
        guard let number = reply.attribute(familyIDAttribute, in: reply.attributes(afterHeader: 4)) else {
            throw SystemError("CTRL_CMD_GETFAMILY \(name)", .badMessage)
        }
        return UInt16(truncatingIfNeeded: reply.word(at: number.lowerBound))
    }

    private static func exchange(
        _ request: [UInt8], _ socket: borrowing NetlinkSocket
    ) throws(SystemError) -> NetlinkReply {
        try request.withUnsafeBytes { bytes in
            Result { () throws(SystemError) in try socket.exchange(bytes) }
        }.get()
    }

    /// nlmsghdr, genlmsghdr and at most one attribute.
    private static func genericMessage(
        type: UInt16, command: UInt8, attribute: (type: UInt16, length: UInt16, payload: [UInt8])? = nil
    ) -> [UInt8] {
        var message = [UInt8](repeating: 0, count: attribute == nil ? 20 : 24) + (attribute?.payload ?? [])
        message.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: UInt32(bytes.count), as: UInt32.self)
            bytes.storeBytes(of: type, toByteOffset: 4, as: UInt16.self)
            bytes.storeBytes(of: 1, toByteOffset: 6, as: UInt16.self)  // NLM_F_REQUEST
            bytes[16] = command
            bytes[17] = 1  // the version of either family
            if let attribute {
                bytes.storeBytes(of: attribute.length, toByteOffset: 20, as: UInt16.self)
                bytes.storeBytes(of: attribute.type, toByteOffset: 22, as: UInt16.self)
            }
        }
        return message
    }

    // linux/netlink.h, linux/genetlink.h, linux/mptcp.h
    private static let netlinkGeneric: Int32 = 16
    private static let controller: UInt16 = 16
    private static let getFamily: UInt8 = 3
    private static let familyIDAttribute: UInt16 = 1
    private static let familyNameAttribute: UInt16 = 2
    private static let getLimits: UInt8 = 6
    private static let subflowsAttribute: UInt16 = 3
}
