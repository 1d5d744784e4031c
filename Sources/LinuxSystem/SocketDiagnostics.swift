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

    /// What the kernel measures of one subflow's socket; nil if it is gone.
    public func figures(local: Endpoint, remote: Endpoint) -> SubflowFigures? {
        let request = Request(local: local, remote: remote)
        guard let reply = try? exchange(request, protocolNumber: Int32(IPPROTO_TCP)),
            let information = reply.attribute(Self.diagInfo, in: reply.attributes(afterHeader: 72))
        else { return nil }
        return SubflowFigures(reply, information)
    }

    // linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, linux/mptcp.h
    private static let netlinkSockDiag: Int32 = 4
    private static let sockDiagByFamily: UInt16 = 20
    private static let requestProtocolAttribute: UInt16 = 3
    private static let diagInfo: UInt16 = 2
    private static let diagULPInfo: UInt16 = 19
    private static let ulpInfoMPTCP: UInt16 = 3
    private static let subflowFlags: UInt16 = 8
    private static let subflowRemoteID: UInt16 = 9
    private static let subflowLocalID: UInt16 = 10

    /// A question about one connection, or the like.
    private struct Request {
        var flags = NetlinkMessage.request
        var family = UInt8(AF_INET)
        var states: UInt32 = .max
        var local: Endpoint?
        var remote: Endpoint?
        var cookie: (UInt32, UInt32) = (.max, .max)

        init() {}

        init(local: Endpoint, remote: Endpoint) {
            family = UInt8(local.address.addressFamily)
            self.local = local
            self.remote = remote
        }

        /// nlmsghdr, struct inet_diag_req_v2 of linux/inet_diag.h, and INET_DIAG_REQ_PROTOCOL.
        static let size = 16 + 56 + 8

        /// - Parameter bytes: `size` of them.
        func write(to bytes: UnsafeMutableRawBufferPointer, protocolNumber: Int32) {
            func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
                bytes.storeBytes(of: value, toByteOffset: offset, as: Value.self)
            }
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            store(UInt32(Self.size), at: 0)
            store(SocketDiagnostics.sockDiagByFamily, at: 4)
            store(flags, at: 6)
            store(family, at: 16)
            // 262 doesn't fit the request's own byte for the protocol.
            store(protocolNumber <= 255 ? UInt8(protocolNumber) : 0, at: 17)
            // INET_DIAG_INFO: the kernel tells of the MPTCP subflow only behind it.
            store(UInt8(1 << (2 - 1)), at: 18)
            store(states, at: 20)
            func store(_ endpoint: Endpoint?, portAt port: Int, addressAt address: Int) {
                guard let endpoint else { return }
                store(endpoint.port.bigEndian, at: port)
                // IPv4 in the first four of 16 bytes.
                if endpoint.address.isIPv4 {
                    store(endpoint.address.v4Bits.bigEndian, at: address)
                } else {
                    store(endpoint.address.high.bigEndian, at: address)
                    store(endpoint.address.low.bigEndian, at: address + 8)
                }
            }
            store(local, portAt: 24, addressAt: 28)
            store(remote, portAt: 26, addressAt: 44)
            store(cookie.0, at: 64)
            store(cookie.1, at: 68)
            store(UInt16(8), at: 72)
            store(SocketDiagnostics.requestProtocolAttribute, at: 74)
            store(UInt32(protocolNumber), at: 76)
        }
    }

    private func exchange(_ request: Request, protocolNumber: Int32) throws(SystemError) -> NetlinkReply {
        try withUnsafeTemporaryAllocation(byteCount: Request.size, alignment: 8) { bytes in
            request.write(to: bytes, protocolNumber: protocolNumber)
            return Result { () throws(SystemError) in try socket.exchange(bytes) }
        }.get()
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
