import CLinux
import Glibc

/// A named network namespace as iproute2 keeps them, under /run/netns.
public struct NetworkNamespace: Sendable, Hashable {
    public let name: String

    public init(_ name: String) { self.name = name }

    public var path: String { "/run/netns/\(name)" }

    /// Moves the calling thread into the namespace for good. A socket keeps the namespace in which it was made, so a
    /// thread of its own that opens sockets and hands them out is the way to use this.
    public func enter() throws(SystemError) {
        let handle = Descriptor(owning: try systemCall("open \(path)") { open(path, O_RDONLY | O_CLOEXEC) })
        try systemCall("setns \(path)") { sluice_set_network_namespace(handle.rawValue) }
    }

    /// Runs `body` on a thread of its own inside the namespace and returns what it returns.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        try SystemThread.run(named: "ns \(name)") {
            try enter()
            return try body()
        }
    }

    /// Runs `body` on a thread of its own inside a new namespace, with a loopback device alone, that nobody else has and
    /// that is gone afterwards. Takes CAP_SYS_ADMIN; throws `SystemError` when there can be none.
    public static func runInNew<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        try SystemThread.run(named: "new ns") {
            try systemCall("make a network namespace") { sluice_new_network_namespace() }
            return try body()
        }
    }

    /// The number of the calling thread's namespace: no other one gets it until the next boot (SO_NETNS_COOKIE, Linux
    /// 5.14).
    public static func currentCookie() throws(SystemError) -> UInt64 {
        let socket = Descriptor(
            owning: try systemCall("socket") {
                Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            })
        var cookie: UInt64 = 0
        var length = socklen_t(MemoryLayout<UInt64>.size)
        // asm-generic/socket.h
        let netnsCookie: Int32 = 71
        try systemCall("SO_NETNS_COOKIE") {
            getsockopt(socket.rawValue, SOL_SOCKET, netnsCookie, &cookie, &length)
        }
        return cookie
    }
}
