import Glibc
import SystemPackage
import Wire

/// Questions to the kernel's socket tables over netlink (sock_diag(7), net/mptcp/mptcp_diag.c). One object a thread.
public struct SocketDiagnostics: ~Copyable {
    private let socket: NetlinkSocket

    /// In the network namespace of the calling thread.
    public init() throws(SystemError) {
        socket = try NetlinkSocket(Self.netlinkSockDiag)
    }

    /// Has this network namespace an MPTCP connection whose peer names it by this token? The kernel's table is the
    /// truth: it holds the token before the client can send an MP_JOIN, whatever we have seen of the handshake.
    public func hasConnection(token: UInt32) throws(SystemError) -> Bool {
        var request = Request()
        request.cookie = (token, 0)
        do {
            _ = try exchange(request, protocolNumber: Int32(IPPROTO_MPTCP))
            return true
        } catch  where error.errno == .noSuchFileOrDirectory || error.errno == Errno(rawValue: ESTALE) {
            return false
        }
    }

    /// Can the kernel be asked about MPTCP connections at all? Without mptcp_diag it says ENOENT to every question, which
    /// `hasConnection` can't tell from "no such connection"; a dump, here of no socket at all, ends with that error.
    public func knowsMultipath() throws(SystemError) -> Bool { try knows(protocolNumber: Int32(IPPROTO_MPTCP)) }

    func knows(protocolNumber: Int32) throws(SystemError) -> Bool {
        var request = Request()
        request.flags |= NetlinkMessage.dump
        request.states = 0
        // NLMSG_DONE carries the error of the dump.
        let code = try exchange(request, protocolNumber: protocolNumber).word(at: 16)
        return Int32(bitPattern: code) != -ENOENT
    }

    /// What the kernel keeps for a 4-tuple of this network namespace.
    public enum ConnectionState: Sendable {
        /// A SYN has been answered, and the answer's acknowledgement is yet to come.
        case handshake
        case connection
    }

    /// nil if it keeps nothing.
    public func connectionState(local: Endpoint, remote: Endpoint) -> ConnectionState? {
        let request = Request(local: local, remote: remote)
        guard let reply = try? exchange(request, protocolNumber: Int32(IPPROTO_TCP)) else { return nil }
        // struct inet_diag_msg begins with the family and the state (include/net/tcp_states.h).
        switch reply.byte(at: 17) {
        case 3: return .handshake
        // TCP_CLOSE; a listener of that port, where there is no connection.
        case 7, 10: return nil
        default: return .connection
        }
    }

    /// What the kernel says of one subflow's socket; nil if it is gone.
    public func subflow(local: Endpoint, remote: Endpoint) -> SubflowDiagnostics? {
        let request = Request(local: local, remote: remote)
        guard let reply = try? exchange(request, protocolNumber: Int32(IPPROTO_TCP)) else { return nil }
        // struct inet_diag_msg has 72 bytes.
        let information = reply.attribute(Self.diagULPInfo, in: reply.attributes(afterHeader: 72))
        let subflow = information.flatMap { reply.attribute(Self.ulpInfoMPTCP, in: $0) }
        guard let subflow, let flags = reply.attribute(Self.subflowFlags, in: subflow) else { return nil }
        let id = { (type: UInt16) in reply.attribute(type, in: subflow).map { reply.byte(at: $0.lowerBound) } ?? 0 }
        return SubflowDiagnostics(
            flags: reply.word(at: flags.lowerBound), localID: id(Self.subflowLocalID),
            remoteID: id(Self.subflowRemoteID))
    }

    // linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, linux/mptcp.h
    private static let netlinkSockDiag: Int32 = 4
    private static let sockDiagByFamily: UInt16 = 20
    private static let requestProtocolAttribute: UInt16 = 3
    private static let diagULPInfo: UInt16 = 19
    private static let ulpInfoMPTCP: UInt16 = 3
    private static let subflowFlags: UInt16 = 8
    private static let subflowRemoteID: UInt16 = 9
    private static let subflowLocalID: UInt16 = 10

    /// struct inet_diag_req_v2 (linux/inet_diag.h).
    private struct Request {
        var flags = NetlinkMessage.request
        var family = UInt8(AF_INET)
        var states: UInt32 = .max
        var sourcePort: UInt16 = 0
        var destinationPort: UInt16 = 0
        /// As inet_diag takes addresses: 16 bytes in network order, IPv4 in the first four.
        var source = [UInt8](repeating: 0, count: 16)
        var destination = [UInt8](repeating: 0, count: 16)
        var cookie: (UInt32, UInt32) = (.max, .max)

        init() {}

        /// For one connection.
        init(local: Endpoint, remote: Endpoint) {
            family = UInt8(local.address.addressFamily)
            sourcePort = local.port
            destinationPort = remote.port
            source = Self.bytes(local.address)
            destination = Self.bytes(remote.address)
        }

        private static func bytes(_ address: IPAddress) -> [UInt8] {
            let bytes = Array(address.bytes.suffix(address.bitWidth / 8))
            return bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
        }

        func message(protocolNumber: Int32) -> NetlinkMessage {
            // 262 doesn't fit the request's own byte for the protocol.
            let protocolByte = protocolNumber <= 255 ? UInt8(protocolNumber) : 0
            // INET_DIAG_INFO: the kernel tells of the MPTCP subflow only behind it.
            let extensions: UInt8 = 1 << (2 - 1)
            var header = [family, protocolByte, extensions, 0]
            header += Self.native(states)
            header += Self.native(sourcePort.bigEndian) + Self.native(destinationPort.bigEndian)
            header += source + destination
            // Any interface.
            header += Self.native(UInt32(0)) + Self.native(cookie.0) + Self.native(cookie.1)
            var message = NetlinkMessage(type: SocketDiagnostics.sockDiagByFamily, flags: flags, header: header)
            message.add(SocketDiagnostics.requestProtocolAttribute, UInt32(protocolNumber))
            return message
        }

        private static func native<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
            withUnsafeBytes(of: value, Array.init)
        }
    }

    private func exchange(_ request: Request, protocolNumber: Int32) throws(SystemError) -> NetlinkReply {
        try socket.exchange(request.message(protocolNumber: protocolNumber))
    }
}

/// MPTCP_SUBFLOW_ATTR_… of a subflow's socket (include/uapi/linux/mptcp.h).
public struct SubflowDiagnostics: Hashable, Sendable {
    /// MPTCP_SUBFLOW_FLAG_…
    public let flags: UInt32
    /// Address IDs (RFC 8684 section 3.2).
    public let localID: UInt8
    public let remoteID: UInt8

    /// MPTCP_SUBFLOW_FLAG_BKUP_REM or _LOC: the peer, or this host, asks for it to be a backup.
    public var isBackup: Bool { flags & (1 << 4 | 1 << 5) != 0 }
}
