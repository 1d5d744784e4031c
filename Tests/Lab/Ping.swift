import Glibc
import LinuxSystem
import SystemPackage
public import Wire

extension Lab {
    /// Sends one ICMP echo request and returns the round trip; throws EAGAIN when no answer comes within `limit`.
    public func ping(
        from node: Node, to address: IPAddress, source: IPAddress? = nil, within limit: Duration = .seconds(2)
    ) async throws -> Duration {
        try await inside(node) { try Echo.send(to: address, from: source, within: limit) }
    }
}

/// An echo request through a raw socket: an ICMP header with our own identifier (RFC 792, RFC 4443).
private enum Echo {
    static func send(to address: IPAddress, from source: IPAddress?, within limit: Duration) throws -> Duration {
        let transport = address.isIPv4 ? Int32(IPPROTO_ICMP) : Int32(IPPROTO_ICMPV6)
        let socket = Descriptor(
            owning: try systemCall("ICMP socket") {
                Glibc.socket(address.addressFamily, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), transport)
            })
        if let source {
            try systemCall("bind \(source)") {
                Endpoint(address: source, port: 0).withSocketAddress { bind(socket.rawValue, $0, $1) }
            }
        }
        let identifier = UInt16.random(in: 0...UInt16.max)
        let request = request(identifier, isIPv4: address.isIPv4)
        let start = ContinuousClock.now
        try systemCall("send ICMP to \(address)") {
            Endpoint(address: address, port: 0).withSocketAddress { target, length in
                request.withUnsafeBytes { sendto(socket.rawValue, $0.baseAddress, $0.count, 0, target, length) }
            }
        }
        try awaitReply(socket.rawValue, identifier, isIPv4: address.isIPv4, until: start + limit)
        return .now - start
    }

    /// Type 8 or 128, code 0, checksum (the kernel fills in ICMPv6's), identifier, sequence 0.
    private static func request(_ identifier: UInt16, isIPv4: Bool) -> [UInt8] {
        let sum = 0x0800 + UInt32(identifier)
        let checksum = isIPv4 ? ~UInt16(truncatingIfNeeded: sum & 0xffff + sum >> 16) : 0
        return [isIPv4 ? 8 : 128, 0] + [checksum, identifier, 0].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
    }

    /// A raw socket hears every ICMP packet of the namespace: looks for an echo reply with our identifier.
    private static func awaitReply(
        _ socket: Int32, _ identifier: UInt16, isIPv4: Bool, until deadline: ContinuousClock.Instant
    ) throws {
        var packet = [UInt8](repeating: 0, count: 1500)
        while true {
            let left = ContinuousClock.now.duration(to: deadline).microseconds
            var wait = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&wait, 1, Int32(left / 1000 + 1)) == 1 else {
                throw SystemError("wait for an ICMP echo reply", .resourceTemporarilyUnavailable)
            }
            let count = try systemCall("receive ICMP") { recv(socket, &packet, packet.count, 0) }
            // A raw IPv4 socket delivers the IP header, too.
            let header = isIPv4 ? Int(packet[0] & 15) * 4 : 0
            guard count >= header + 8, packet[header] == (isIPv4 ? 0 : 129) else { continue }
            if UInt16(packet[header + 4]) << 8 | UInt16(packet[header + 5]) == identifier { return }
        }
    }
}
