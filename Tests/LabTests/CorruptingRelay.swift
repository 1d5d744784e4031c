import Glibc
import LinuxSystem
import Wire

/// A TCP relay that flips one bit of the 50,000th byte behind the request, in each direction: what a faithful box must
/// never do, and what the test peers must notice.
enum CorruptingRelay {
    /// Listens in the calling thread's namespace and returns; two connections long.
    static func start(port: UInt16, to server: Endpoint) throws {
        let listener = try systemCall("socket") {
            socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        }
        try systemCall("bind") {
            Endpoint(address: IPAddress("0.0.0.0")!, port: port).withSocketAddress { bind(listener, $0, $1) }
        }
        try systemCall("listen") { listen(listener, 8) }
        _ = try SystemThread(named: "relay") {
            for _ in 0..<2 { try? relay(try systemCall("accept") { accept(listener, nil, nil) }, server) }
            close(listener)
        }
    }

    private static func relay(_ client: Int32, _ server: Endpoint) throws {
        let upstream = try systemCall("socket") {
            socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        }
        try systemCall("connect") { server.withSocketAddress { connect(upstream, $0, $1) } }
        let back = try SystemThread(named: "relay back") { pump(upstream, client) }
        pump(client, upstream)
        back.join()
        close(client)
        close(upstream)
    }

    private static func pump(_ from: Int32, _ to: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var passed = 0
        while case let count = recv(from, &buffer, buffer.count, 0), count > 0 {
            if (passed..<passed + count).contains(50_000) { buffer[50_000 - passed] ^= 0x10 }
            passed += count
            if send(to, buffer, count, Int32(MSG_NOSIGNAL)) != count { break }
        }
        shutdown(to, Int32(SHUT_WR))
    }
}
