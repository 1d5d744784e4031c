import Glibc
import LinuxSystem
import SystemPackage
import Testing
import Wire

/// Two sockets that are connected with each other and don't block: the box's, and its peer's.
struct ConnectedPair: ~Copyable {
    enum Kind: CaseIterable {
        /// Local sockets: what is sent has arrived.
        case unix
        /// TCP on loopback: what is sent arrives in the kernel's own time.
        case tcp
    }

    let near: StreamSocket
    let far: StreamSocket

    init(_ kind: Kind) throws {
        switch kind {
        case .unix:
            var ends: [Int32] = [-1, -1]
            let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
            try systemCall("socketpair") { socketpair(AF_UNIX, type, 0, &ends) }
            near = StreamSocket(owning: Descriptor(owning: ends[0]))
            far = StreamSocket(owning: Descriptor(owning: ends[1]))
        case .tcp:
            let loopback = Endpoint("127.0.0.1:0")!
            let listener = try StreamSocket.open(.tcp, for: loopback.address)
            try listener.bind(to: loopback)
            try listener.listen(backlog: 1)
            let connecting = try StreamSocket.open(.tcp, for: loopback.address)
            let standing = listener.localEndpoint
            try connecting.connect(to: try #require(standing))
            try #require(Self.wait(listener.rawValue, POLLIN))
            let accepted = try StreamSocket.accept(listener.rawValue).take()
            try connecting.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            try accepted.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            try accepted.set(SOL_SOCKET, SO_OOBINLINE, 1)
            near = accepted
            far = connecting
        }
    }

    /// Bytes that each is to hold of what it sends, about.
    func limitRoom(_ room: Int32) throws {
        try near.set(SOL_SOCKET, SO_SNDBUF, room)
        try far.set(SOL_SOCKET, SO_SNDBUF, room)
    }

    /// Waits for what the kernel does in its own time, ten seconds at most.
    static func wait(_ descriptor: Int32, _ events: Int32) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&wanted, 1, 10_000) == 1
    }

    /// What the next read says: nil that there is nothing, 0 the end of the stream.
    static func read(_ descriptor: Int32) -> Result<Int, Errno>? {
        var byte: UInt8 = 0
        let result = systemCallResult { recv(descriptor, &byte, 1, 0) }
        return result == .failure(.wouldBlock) ? nil : result
    }

    /// What there is to read, as text.
    static func text(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }

    /// Bytes that wait to be read; of TCP, those before an urgent one.
    static func unread(_ descriptor: Int32) -> Int {
        var count: Int32 = 0
        _ = ioctl(descriptor, UInt(FIONREAD), &count)
        return Int(count)
    }
}
