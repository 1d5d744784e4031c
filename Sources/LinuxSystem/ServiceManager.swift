import CLinux
import Glibc

/// The service manager that runs this process, if one does (sd_notify(3)).
public enum ServiceManager {
    /// Tells it something, such as `MAINPID=123`; does nothing where there is none, or it doesn't listen.
    public static func notify(_ message: String) {
        guard let path = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), let first = path.first,
            first == "/" || first == "@"
        else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // A name that begins with @ is abstract: a zero byte in its place (unix(7)).
        let name = first == "@" ? [0] + Array(path.utf8.dropFirst()) : Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        let output = Descriptor(owning: descriptor)
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = sendto(output.rawValue, message, message.utf8.count, Int32(MSG_NOSIGNAL), address, length)
            }
        }
    }
}
