import Glibc
import LinuxSystem

/// A real Redis server, without anything of it on disk.
public final class RedisServer: Sendable {
    public let process: ChildProcess
    public let port: UInt16

    /// Its command line. `password`: what it asks of its clients.
    public static func command(port: UInt16, address: String = "127.0.0.1", password: String? = nil) -> [String] {
        [
            "redis-server", "--port", "\(port)", "--bind", address, "--protected-mode", "no", "--save", "",
            "--appendonly", "no", "--daemonize", "no", "--dir", "/tmp",
        ] + (password.map { ["--requirepass", $0] } ?? [])
    }

    /// Starts one on this address of this machine, in this namespace, and waits until it listens. `file`: as of `ChildProcess`.
    public init(port: UInt16, password: String? = nil, file: String) async throws {
        self.port = port
        process = try ChildProcess(Self.command(port: port, password: password), file: file)
        let deadline = ContinuousClock.now + .seconds(30)
        while !process.output.contains("Ready to accept connections") {
            guard process.status == nil, ContinuousClock.now < deadline else {
                throw LabError.timedOut("redis-server: \(process.output) \(process.errors)", .seconds(30))
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    deinit {
        process.signal(SIGCONT)
        process.signal(SIGKILL)
        process.reap()
    }

    /// Ends it at once, as a crash would, and waits until it is gone.
    public func kill() async throws {
        process.signal(SIGKILL)
        try await process.wait()
    }

    /// A port on which nobody listens now.
    public static func freePort() throws -> UInt16 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        guard isBound else { throw SystemError("bind", .init(rawValue: errno)) }
        return UInt16(bigEndian: address.sin_port)
    }
}
