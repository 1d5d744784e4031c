import Glibc
import LinuxSystem

/// What a service manager would hear (sd_notify(3)): a socket that a daemon is told of by `NOTIFY_SOCKET`.
public final class NotifySocket: Sendable {
    /// As `NOTIFY_SOCKET` has it.
    public let name: String
    private let socket: Descriptor

    /// - Parameter name: A path where nothing is yet, or a name of the abstract namespace behind an `@`; 107 bytes at most.
    public init(_ name: String) throws(SystemError) {
        self.name = name
        socket = Descriptor(
            owning: try systemCall("socket") {
                Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
            })
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = name.hasPrefix("@") ? [0] + Array(name.utf8.dropFirst()) : Array(name.utf8)
        precondition(path.count <= 107)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + path.count)
        _ = try withUnsafePointer(to: &address) { pointer throws(SystemError) in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer throws(SystemError) in
                try systemCall("bind \(name)") { bind(socket.rawValue, pointer, length) }
            }
        }
    }

    /// The messages that have come since the last call, in their order.
    public func take() -> [String] {
        var messages: [String] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case .success(let count) = systemCallResult({ recv(socket.rawValue, &buffer, buffer.count, 0) }) {
            messages.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
        return messages
    }
}
