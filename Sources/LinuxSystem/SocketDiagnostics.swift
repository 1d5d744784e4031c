import Glibc
import SystemPackage
import Wire

/// Questions to the kernel's socket tables over netlink (sock_diag(7), net/mptcp/mptcp_diag.c). One object a thread.
public struct SocketDiagnostics: ~Copyable {
    private let socket: Descriptor

    /// In the network namespace of the calling thread.
    public init() throws(SystemError) {
        let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
        socket = Descriptor(
            owning: try systemCall("socket NETLINK_SOCK_DIAG") { Glibc.socket(AF_NETLINK, type, Self.netlinkSockDiag) })
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

    /// MPTCP_SUBFLOW_FLAG_… of one subflow's socket (include/uapi/linux/mptcp.h); nil if it is gone.
    public func subflowFlags(local: Endpoint, remote: Endpoint) -> UInt32? {
        var request = Request()
        request.family = UInt8(local.address.addressFamily)
        request.sourcePort = local.port.bigEndian
        request.destinationPort = remote.port.bigEndian
        request.source = Request.words(local.address)
        request.destination = Request.words(remote.address)
        guard let reply = try? exchange(request, protocolNumber: Int32(IPPROTO_TCP)) else { return nil }
        // Attributes follow the nlmsghdr (16 bytes) and inet_diag_msg (72).
        let information = reply.attribute(Self.diagULPInfo, in: 88..<reply.bytes.count)
        let subflow = information.flatMap { reply.attribute(Self.ulpInfoMPTCP, in: $0) }
        let flags = subflow.flatMap { reply.attribute(Self.subflowFlags, in: $0) }
        return flags.map { reply.word(at: $0.lowerBound) }
    }

    /// MPTCP_SUBFLOW_FLAG_BKUP_REM and _LOC.
    public static let backupFlags: UInt32 = 1 << 4 | 1 << 5

    // linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, linux/mptcp.h
    private static let netlinkSockDiag: Int32 = 4
    private static let sockDiagByFamily: UInt16 = 20
    private static let requestProtocolAttribute: UInt16 = 3
    private static let diagULPInfo: UInt16 = 19
    private static let ulpInfoMPTCP: UInt16 = 3
    private static let subflowFlags: UInt16 = 8
    private static let messageError: UInt16 = 2

    /// nlmsghdr, inet_diag_req_v2 and INET_DIAG_REQ_PROTOCOL (262 does not fit the request's own protocol byte).
    private struct Request {
        var length: UInt32 = UInt32(MemoryLayout<Request>.size)
        var type = SocketDiagnostics.sockDiagByFamily
        var flags: UInt16 = 1  // NLM_F_REQUEST
        var sequence: UInt32 = 0
        var portID: UInt32 = 0
        var family = UInt8(AF_INET)
        var protocolByte: UInt8 = 0
        var extensions: UInt8 = 0
        var padding: UInt8 = 0
        var states: UInt32 = .max
        var sourcePort: UInt16 = 0
        var destinationPort: UInt16 = 0
        var source: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
        var destination: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
        var interface: UInt32 = 0
        var cookie: (UInt32, UInt32) = (.max, .max)
        var attributeLength: UInt16 = 8
        var attributeType = SocketDiagnostics.requestProtocolAttribute
        var protocolNumber: UInt32 = 0

        /// The address as inet_diag takes it: four words in network order, IPv4 in the first.
        static func words(_ address: IPAddress) -> (UInt32, UInt32, UInt32, UInt32) {
            if address.isIPv4 { return (address.v4Bits.bigEndian, 0, 0, 0) }
            return (
                UInt32(address.high >> 32).bigEndian, UInt32(truncatingIfNeeded: address.high).bigEndian,
                UInt32(address.low >> 32).bigEndian, UInt32(truncatingIfNeeded: address.low).bigEndian
            )
        }
    }

    private struct Reply {
        let bytes: [UInt8]

        func word(at offset: Int) -> UInt32 {
            offset + 4 <= bytes.count
                ? bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) } : 0
        }

        /// The range of a netlink attribute's payload among those in `range`.
        func attribute(_ type: UInt16, in range: Range<Int>) -> Range<Int>? {
            var offset = range.lowerBound
            while offset + 4 <= range.upperBound {
                let header = word(at: offset)
                let length = Int(header & 0xffff)
                guard length >= 4, offset + length <= range.upperBound else { return nil }
                if UInt16(truncatingIfNeeded: header >> 16) & 0x3fff == type { return offset + 4..<offset + length }
                offset += (length + 3) & ~3
            }
            return nil
        }
    }

    private func exchange(_ request: Request, protocolNumber: Int32) throws(SystemError) -> Reply {
        var request = request
        request.protocolByte = protocolNumber <= 255 ? UInt8(protocolNumber) : 0
        request.protocolNumber = UInt32(protocolNumber)
        let sent = request
        try systemCall("send sock_diag request") {
            withUnsafeBytes(of: sent) { send(socket.rawValue, $0.baseAddress, $0.count, 0) }
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try systemCall("receive sock_diag reply") { recv(socket.rawValue, &buffer, buffer.count, 0) }
        let reply = Reply(bytes: Array(buffer.prefix(count)))
        if UInt16(truncatingIfNeeded: reply.word(at: 4)) == Self.messageError {
            throw SystemError("sock_diag", Errno(rawValue: -Int32(bitPattern: reply.word(at: 16))))
        }
        return reply
    }
}
