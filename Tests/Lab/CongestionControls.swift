import Glibc
import LinuxSystem

/// TCP's congestion controls: those that the kernel has, and what a namespace's sockets have unless they choose.
public enum CongestionControls {
    /// Those that are loaded.
    public static func available() throws(SystemError) -> [String] {
        try Sysctl.read("net.ipv4.tcp_available_congestion_control").split(separator: " ").map(String.init)
    }

    private static let choice = "net.ipv4.tcp_congestion_control"
    private static let allowance = "net.ipv4.tcp_allowed_congestion_control"

    /// Makes one of them the default in these namespaces.
    ///
    /// A namespace but the first can choose only what the machine allows to everyone (net/ipv4/tcp_cong.c,
    /// tcp_set_default_congestion_control). What isn't allowed is so for the moment that the choice takes; a choice stays
    /// when the allowance goes.
    static func choose(_ name: String, in namespaces: [NetworkNamespace]) throws {
        try whileLocked {
            let allowed = try Sysctl.read(allowance)
            let isAllowed = allowed.split(separator: " ").contains { $0 == name }
            if !isAllowed { try Sysctl.write(allowance, "\(allowed) \(name)") }
            defer { if !isAllowed { try? Sysctl.write(allowance, allowed) } }
            for namespace in namespaces { try namespace.run { try Sysctl.write(choice, name) } }
        }
    }

    /// Labs at the same time must not put back each other's allowance.
    private static func whileLocked(_ body: () throws -> Void) throws {
        let path = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"
        let file = Descriptor(owning: try systemCall("open \(path)") { open(path, O_RDONLY | O_CLOEXEC) })
        try systemCall("lock \(path)") { flock(file.rawValue, LOCK_EX) }
        try body()
        _ = consume file
    }
}
