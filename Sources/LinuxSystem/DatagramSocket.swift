import CLinux
import Glibc
import SystemPackage
import Wire

/// A socket for datagrams to one receiver, UDP or of the UNIX domain. It doesn't block; closed when its owner lets go of it.
public struct DatagramSocket: ~Copyable, Sendable {
    private let descriptor: Descriptor

    private static func open(_ family: Int32) throws(SystemError) -> Descriptor {
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        return Descriptor(owning: try systemCall("socket") { socket(family, type, 0) })
    }

    /// UDP. Throws when there is no way to the receiver; whether anybody receives there, only sending tells.
    public init(to endpoint: Endpoint) throws(SystemError) {
        let descriptor = try Self.open(endpoint.address.addressFamily)
        let raw = descriptor.rawValue
        try systemCall("connect to \(endpoint)") { endpoint.withSocketAddress { Glibc.connect(raw, $0, $1) } }
        self.descriptor = descriptor
    }

    /// A socket of the UNIX domain by its path, of at most 107 bytes. Throws when nobody receives there.
    public init(toPath path: String) throws(SystemError) {
        let descriptor = try Self.open(AF_UNIX)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemError("connect to \(path)", .fileNameTooLong)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let raw = descriptor.rawValue
        try systemCall("connect to \(path)") {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        self.descriptor = descriptor
    }

    /// Sends one datagram; returns why it could not be sent. Waits at most so many milliseconds for room. Of UDP, an error may
    /// be about a datagram before, which nobody was there to receive (ECONNREFUSED; udp(7)): this one has not been sent then.
    public func send(_ bytes: [UInt8], patience milliseconds: Int32 = 0) -> Errno? {
        var waited = false
        while true {
            let result = systemCallResult {
                bytes.withUnsafeBytes { Glibc.send(descriptor.rawValue, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            }
            guard case .failure(let error) = result else { return nil }
            guard error == .wouldBlock, milliseconds > 0, !waited else { return error }
            waited = true
            var wanted = pollfd(fd: descriptor.rawValue, events: Int16(POLLOUT), revents: 0)
            _ = poll(&wanted, 1, milliseconds)
        }
    }

    /// Waits at most so many milliseconds for an error about what has been sent, and takes it.
    public func error(within milliseconds: Int32) -> Errno? {
        var wanted = pollfd(fd: descriptor.rawValue, events: 0, revents: 0)
        guard poll(&wanted, 1, milliseconds) == 1 else { return nil }
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor.rawValue, SOL_SOCKET, SO_ERROR, &code, &length)
        return code == 0 ? nil : Errno(rawValue: code)
    }

    /// What a packet to the receiver may hold as far as the kernel knows, IP header included (ip(7), IP_MTU); nil for what is
    /// no UDP socket.
    public var pathMTU: Int? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        if getsockopt(descriptor.rawValue, Int32(IPPROTO_IP), 14, &value, &length) == 0 { return Int(value) }
        // IPV6_MTU of linux/in6.h.
        if getsockopt(descriptor.rawValue, Int32(IPPROTO_IPV6), 24, &value, &length) == 0 { return Int(value) }
        return nil
    }
}
