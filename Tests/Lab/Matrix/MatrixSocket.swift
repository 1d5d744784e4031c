import Glibc
import LinuxSystem
import SystemPackage
import Wire

/// Why a behaviour went no further. Its words are compared between runs: they have no numbers in them.
struct MatrixError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    init(_ step: String, _ errno: Errno) {
        self.init("\(step): \(errno == .resourceTemporarilyUnavailable ? "timed out" : errno.description)")
    }
}

/// A blocking stream socket at one end of a conversation. It knows how far the streams have got: what is sent and
/// expected are the next bytes of a payload, one for each direction.
final class MatrixSocket {
    private var descriptor: Descriptor
    private let outgoing: Payload
    private let incoming: Payload
    private var sent: UInt64 = 0
    private var received: UInt64 = 0

    /// `isClient`: of the two ends' payloads, which is ours?
    init(owning descriptor: consuming Descriptor, isClient: Bool, limit: Duration) {
        self.descriptor = descriptor
        outgoing = Payload(seed: isClient ? 1 : 2)
        incoming = Payload(seed: isClient ? 2 : 1)
        set(SOL_SOCKET, SO_RCVTIMEO, timeval(limit))
        set(SOL_SOCKET, SO_SNDTIMEO, timeval(limit))
    }

    /// Sends the next `count` bytes.
    func send(_ count: Int) throws {
        let end = sent + UInt64(count)
        while sent < end {
            let bytes = outgoing.bytes(at: sent, limit: Int(end - sent))
            sent += UInt64(try send(bytes, flags: 0))
        }
    }

    /// Sends the next byte as urgent data (RFC 9293, section 3.8.5).
    func sendUrgent() throws {
        _ = try send(outgoing.bytes(at: sent, limit: 1), flags: Int32(MSG_OOB))
        sent += 1
    }

    /// Sends a line of text; the payload has nothing to do with it.
    func say(_ line: String) throws {
        var bytes = Array((line + "\r\n").utf8)[...]
        while !bytes.isEmpty {
            bytes = bytes.dropFirst(try bytes.withUnsafeBytes { try send($0, flags: 0) })
        }
    }

    private func send(_ bytes: UnsafeRawBufferPointer, flags: Int32) throws -> Int {
        let result = systemCallResult {
            Glibc.send(descriptor.rawValue, bytes.baseAddress, bytes.count, flags | Int32(MSG_NOSIGNAL))
        }
        switch result {
        case .success(let count): return count
        case .failure(let errno): throw MatrixError("send", errno)
        }
    }

    /// Receives the next `count` bytes.
    func receive(_ count: Int) throws {
        let end = received + UInt64(count)
        while received < end {
            if try receiveSome(limit: Int(end - received)) == 0 { throw MatrixError("receive: the stream ended early") }
        }
    }

    /// Receives until the stream ends, which is after `count` bytes.
    func receive(toEnd count: Int) throws {
        try receive(count)
        guard try receiveSome(limit: 1) == 0 else { throw MatrixError("receive: the stream went on") }
    }

    /// Waits for the stream's end, whatever comes before.
    func drain() throws { while try receiveSome(limit: 65536) > 0 {} }

    /// Waits for a line of text, and returns it.
    func hear() throws -> String {
        var line: [UInt8] = []
        while line.suffix(2) != [13, 10] {
            var byte: UInt8 = 0
            let result = systemCallResult { recv(descriptor.rawValue, &byte, 1, 0) }
            switch result {
            case .success(0): throw MatrixError("hear: the stream ended early")
            case .success: line.append(byte)
            case .failure(let errno): throw MatrixError("hear", errno)
            }
        }
        return String(decoding: line.dropLast(2), as: UTF8.self)
    }

    private func receiveSome(limit: Int) throws -> Int {
        try withUnsafeTemporaryAllocation(byteCount: min(limit, 65536), alignment: 8) { buffer in
            let result = systemCallResult { recv(descriptor.rawValue, buffer.baseAddress, buffer.count, 0) }
            guard case .success(let count) = result else {
                guard case .failure(let errno) = result else { return 0 }
                throw MatrixError("receive", errno)
            }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            guard incoming.firstMismatch(in: bytes, at: received) == nil else {
                throw MatrixError("receive: a byte is wrong")
            }
            received += UInt64(count)
            return count
        }
    }

    /// Ends the outgoing stream.
    func end() { shutdown(descriptor.rawValue, Int32(SHUT_WR)) }

    /// Closes before the socket's life ends; nothing can be done with it afterwards.
    func close() {
        guard let unused = try? Descriptor(owning: systemCall("dup") { Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) })
        else { return }
        descriptor = unused
    }

    /// Makes the close a reset.
    func resetOnClose() { set(SOL_SOCKET, SO_LINGER, linger(l_onoff: 1, l_linger: 0)) }

    /// Urgent data comes in its place in the stream.
    func receiveUrgentInline() { set(SOL_SOCKET, SO_OOBINLINE, Int32(1)) }

    /// The upper six bits of the traffic class.
    func setDSCP(_ value: UInt8, _ family: IPFamily) {
        switch family {
        case .v4: set(Int32(IPPROTO_IP), IP_TOS, Int32(value) << 2)
        case .v6: set(Int32(IPPROTO_IPV6), IPV6_TCLASS, Int32(value) << 2)
        }
    }

    /// Probes an idle peer after so many seconds, and as often again.
    func keepAlive(seconds: Int32, probes: Int32 = 3) {
        set(SOL_SOCKET, SO_KEEPALIVE, Int32(1))
        set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, seconds)
        set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, seconds)
        set(Int32(IPPROTO_TCP), TCP_KEEPCNT, probes)
    }

    /// The address and port of this end.
    var local: Endpoint? { name(getsockname) }
    var remote: Endpoint? { name(getpeername) }

    private func name(
        _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> Endpoint? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutableBytes(of: &storage) {
            call(descriptor.rawValue, $0.assumingMemoryBound(to: sockaddr.self).baseAddress!, &size)
        }
        return result == 0 ? Endpoint(storage) : nil
    }

    private func set<Value>(_ level: Int32, _ option: Int32, _ value: Value) {
        _ = withUnsafeBytes(of: value) {
            setsockopt(descriptor.rawValue, level, option, $0.baseAddress, socklen_t($0.count))
        }
    }

    /// Connects; `from`: the address, and the port unless it is 0.
    static func connect(
        to endpoint: Endpoint, _ transport: PeerProtocol, from: Endpoint? = nil, isClient: Bool, limit: Duration,
        prepare: (MatrixSocket) -> Void = { _ in }
    ) throws -> MatrixSocket {
        let socket = MatrixSocket(
            owning: try open(endpoint.address.addressFamily, transport), isClient: isClient, limit: limit)
        if let from {
            socket.set(SOL_SOCKET, SO_REUSEADDR, Int32(1))
            if from.port == 0 { socket.set(Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, Int32(1)) }
            try attempt("bind") { from.withSocketAddress { bind(socket.descriptor.rawValue, $0, $1) } }
        }
        prepare(socket)
        try attempt("connect") { endpoint.withSocketAddress { Glibc.connect(socket.descriptor.rawValue, $0, $1) } }
        return socket
    }

    private static func open(_ family: Int32, _ transport: PeerProtocol) throws -> Descriptor {
        Descriptor(
            owning: try attempt("socket") {
                Glibc.socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), transport.number)
            })
    }

    @discardableResult
    private static func attempt(_ step: String, _ call: () -> Int32) throws -> Int32 {
        switch systemCallResult(call) {
        case .success(let value): return value
        // What a connect that has not come about within SO_SNDTIMEO says.
        case .failure(.nowInProgress): throw MatrixError("\(step): timed out")
        case .failure(let errno): throw MatrixError(step, errno)
        }
    }
}

/// A listening socket.
struct MatrixListener: ~Copyable {
    private let socket: StreamSocket
    private let limit: Duration

    /// In the calling thread's namespace.
    init(_ endpoint: Endpoint, _ transport: PeerProtocol = .tcp, limit: Duration) throws {
        socket = try PeerSocket.listen(on: endpoint, transport)
        self.limit = limit
    }

    /// The port, where the kernel chose it.
    var port: UInt16 {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutableBytes(of: &storage) {
            getsockname(socket.rawValue, $0.assumingMemoryBound(to: sockaddr.self).baseAddress!, &size)
        }
        return Endpoint(storage)?.port ?? 0
    }

    /// The descriptor, which is the caller's from now on.
    consuming func release() -> Int32 { socket.release() }

    /// Waits for a connection. Not by SO_RCVTIMEO, which MPTCP's listeners don't heed.
    func accept(isClient: Bool) throws -> MatrixSocket {
        var waiting = pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, Int32(clamping: limit.microseconds / 1000)) == 1 else {
            throw MatrixError("accept: timed out")
        }
        switch systemCallResult({ Glibc.accept(socket.rawValue, nil, nil) }) {
        case .success(let socket):
            _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
            return MatrixSocket(owning: Descriptor(owning: socket), isClient: isClient, limit: limit)
        case .failure(let errno): throw MatrixError("accept", errno)
        }
    }
}
