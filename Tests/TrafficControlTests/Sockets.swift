import Glibc
import LinuxSystem
import Wire

/// Datagrams of 1400 bytes to the client, in a class of the box's own choosing.
struct DatagramSender: ~Copyable {
    private let socket: Descriptor

    init(classMinor: UInt8) throws {
        let socket = Descriptor(
            owning: try systemCall("socket") { Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) })
        var priority = Int32(0x7700 << 16 | Int32(classMinor))
        try systemCall("setsockopt SO_PRIORITY") {
            setsockopt(socket.rawValue, SOL_SOCKET, SO_PRIORITY, &priority, socklen_t(MemoryLayout<Int32>.size))
        }
        self.socket = socket
    }

    func send(_ count: Int) throws {
        let bytes = [UInt8](repeating: 0, count: 1400)
        let peer = Endpoint(address: IPAddress("10.7.0.2")!, port: 9)
        for _ in 0..<count {
            try systemCall("sendto") {
                peer.withSocketAddress { sendto(socket.rawValue, bytes, bytes.count, 0, $0, $1) }
            }
        }
    }
}

/// A TCP connection from the client to the box.
struct Transfer: ~Copyable {
    let tuple: FourTuple
    private let client: Descriptor
    private let server: Descriptor

    init(_ scratch: Scratch, isIPv4: Bool) throws {
        let address = IPAddress(isIPv4 ? "10.7.0.1" : "fd77::1")!
        let endpoint = Endpoint(address: address, port: 9000)
        let listener = try StreamSocket.open(.tcp, for: address)
        try listener.bind(to: endpoint)
        try listener.listen(backlog: 1)
        let number = try scratch.client.run {
            let family = isIPv4 ? AF_INET : AF_INET6
            let socket = try systemCall("socket") { Glibc.socket(family, Int32(SOCK_STREAM.rawValue), 0) }
            try systemCall("connect") { endpoint.withSocketAddress { connect(socket, $0, $1) } }
            return socket
        }
        let client = Descriptor(owning: number)
        let server = Descriptor(owning: try systemCall("accept") { accept(listener.rawValue, nil, nil) })
        tuple = FourTuple(client: try localEndpoint(number), server: endpoint)
        self.client = client
        self.server = server
    }

    /// Sends from the client, and takes all of it in; false when that doesn't come to an end.
    func upload(_ count: Int) throws -> Bool {
        let bytes = [UInt8](repeating: 1, count: 32 << 10)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var (sent, received) = (0, 0)
        let deadline = MonotonicTime.now + .seconds(20)
        while received < count, MonotonicTime.now < deadline {
            let part = min(bytes.count, count - sent)
            sent += max(0, send(client.rawValue, bytes, part, Int32(MSG_DONTWAIT)))
            var wait = pollfd(fd: server.rawValue, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 100) > 0 else { continue }
            received += max(0, recv(server.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT)))
        }
        return received == count
    }
}

private func localEndpoint(_ socket: Int32) throws -> Endpoint {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    try withUnsafeMutablePointer(to: &storage) { storage in
        try storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            _ = try systemCall("getsockname") { getsockname(socket, address, &length) }
        }
    }
    return Endpoint(storage)!
}

/// Does it come to hold? Within 5 seconds.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = MonotonicTime.now + .seconds(5)
    while MonotonicTime.now < deadline {
        if try condition() { return true }
        usleep(5_000)
    }
    return false
}
