import Glibc
import LinuxSystem
import SystemPackage
import Wire

/// What a test peer's socket speaks.
public enum PeerProtocol: String, CaseIterable, Sendable {
    case tcp, mptcp

    var number: Int32 { self == .tcp ? Int32(IPPROTO_TCP) : Int32(IPPROTO_MPTCP) }
}

/// A blocking stream socket; every call gives up, with EAGAIN, after the time limit.
struct PeerSocket: ~Copyable {
    private let socket: StreamSocket
    var rawValue: Int32 { socket.rawValue }

    /// Takes over a connected socket.
    init(owning descriptor: Int32, limit: Duration) {
        socket = StreamSocket(owning: Descriptor(owning: descriptor))
        set(SOL_SOCKET, SO_RCVTIMEO, timeval(limit))
        set(SOL_SOCKET, SO_SNDTIMEO, timeval(limit))
    }

    /// Connects, from `source` if given.
    static func connected(
        to endpoint: Endpoint, _ transport: PeerProtocol, from source: IPAddress?, limit: Duration
    ) throws(PeerError) -> PeerSocket {
        let socket = PeerSocket(owning: try open(endpoint.address.addressFamily, transport), limit: limit)
        do {
            if let source { try socket.bind(to: source) }
            try systemCall("connect") { endpoint.withSocketAddress { connect(socket.rawValue, $0, $1) } }
        } catch {
            throw .system(error)
        }
        return socket
    }

    private static func open(_ family: Int32, _ transport: PeerProtocol) throws(PeerError) -> Int32 {
        do {
            return try systemCall("socket") {
                Glibc.socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), transport.number)
            }
        } catch {
            throw .system(error)
        }
    }

    func probe(_ keepalive: FetchPlan.Keepalive?) throws(PeerError) {
        guard let keepalive else { return }
        do {
            try socket.setKeepalive(
                idle: keepalive.idle, interval: keepalive.interval, count: keepalive.count)
        } catch {
            throw .system(error)
        }
    }

    /// The port is chosen at connect, so that it need be free for this server only.
    private func bind(to source: IPAddress) throws(SystemError) {
        set(Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, Int32(1))
        try systemCall("bind") {
            Endpoint(address: source, port: 0).withSocketAddress { Glibc.bind(rawValue, $0, $1) }
        }
    }

    /// A listening socket; made here, used by the server's acceptor. What it accepts sends by `congestionControl`.
    static func listen(
        on endpoint: Endpoint, _ transport: PeerProtocol, congestionControl: String? = nil
    ) throws(SystemError) -> StreamSocket {
        let number = try systemCall("socket") {
            Glibc.socket(
                endpoint.address.addressFamily,
                Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), transport.number)
        }
        let socket = StreamSocket(owning: Descriptor(owning: number))
        setOption(socket.rawValue, SOL_SOCKET, SO_REUSEADDR, Int32(1))
        if let congestionControl { try socket.setCongestionControl(congestionControl) }
        if !endpoint.address.isIPv4 { setOption(socket.rawValue, Int32(IPPROTO_IPV6), IPV6_V6ONLY, Int32(1)) }
        try systemCall("bind \(endpoint)") { endpoint.withSocketAddress { Glibc.bind(socket.rawValue, $0, $1) } }
        try systemCall("listen \(endpoint)") { Glibc.listen(socket.rawValue, 4096) }
        return socket
    }

    /// Bytes received, 0 at the end of the stream.
    func receive(_ buffer: UnsafeMutableRawBufferPointer) throws(PeerError) -> Int {
        do {
            return try systemCall("receive") { recv(rawValue, buffer.baseAddress, buffer.count, 0) }
        } catch {
            throw .system(error)
        }
    }

    func send(_ bytes: UnsafeRawBufferPointer) throws(PeerError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            do {
                done += try systemCall("send") {
                    Glibc.send(rawValue, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                }
            } catch {
                throw .system(error)
            }
        }
    }

    func send(_ bytes: [UInt8]) throws(PeerError) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        try send(UnsafeRawBufferPointer(copy))
    }

    /// Sends a byte and waits for one.
    func bounceByte() throws(PeerError) {
        var byte: UInt8 = 0x5a
        try withUnsafeMutableBytes(of: &byte) { (bytes) throws(PeerError) in
            try send(UnsafeRawBufferPointer(bytes))
            if try receive(bytes) == 0 { throw .cutShort }
        }
    }

    /// The descriptor, which is the caller's from now on.
    consuming func release() -> Int32 { socket.release() }

    /// How many of its subflows have carried payload; nil for one that isn't MPTCP.
    var usedSubflows: Int? {
        socket.multipathInfo.map { info in info.subflows.count { $0.bytesReceived + $0.bytesAcknowledged > 200 } }
    }

    /// Small writes leave at once (TCP_NODELAY).
    func sendWithoutDelay() { set(Int32(IPPROTO_TCP), TCP_NODELAY, Int32(1)) }

    func endStream() { shutdown(rawValue, Int32(SHUT_WR)) }

    /// Makes the close a reset (for MPTCP: MP_FASTCLOSE) instead of an end of stream.
    func resetOnClose() { set(SOL_SOCKET, SO_LINGER, linger(l_onoff: 1, l_linger: 0)) }

    /// Waits without reading; a reset or our own shutdown ends it early.
    func pause(_ duration: Duration) {
        var wait = pollfd(fd: rawValue, events: 0, revents: 0)
        _ = poll(&wait, 1, Int32(clamping: duration.microseconds / 1000))
    }

    private func set<Value>(_ level: Int32, _ option: Int32, _ value: Value) {
        Self.setOption(rawValue, level, option, value)
    }

    private static func setOption<Value>(_ socket: Int32, _ level: Int32, _ option: Int32, _ value: Value) {
        _ = withUnsafeBytes(of: value) { setsockopt(socket, level, option, $0.baseAddress, socklen_t($0.count)) }
    }
}

extension timeval {
    init(_ duration: Duration) {
        self.init(tv_sec: Int(duration.components.seconds), tv_usec: Int(duration.microseconds % 1_000_000))
    }
}
