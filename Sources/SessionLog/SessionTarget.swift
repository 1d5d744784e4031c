import Glibc
import LinuxSystem
import SystemPackage
import Wire

/// Where sessions are logged.
public enum SessionTarget: Hashable, Sendable {
    case journal
    /// `size`: bytes after which the next file is begun.
    case file(RotatedFiles, size: Int)
    /// A collector: an address or a name, and its UDP port.
    case ipfix(host: String, port: UInt16)

    /// As messages call it.
    public var description: String {
        switch self {
        case .journal: "the journal"
        case .file(let files, _): files.path
        case .ipfix(let host, let port): host.contains(":") ? "ipfix://[\(host)]:\(port)" : "ipfix://\(host):\(port)"
        }
    }

    /// journald's socket.
    public static let journalPath = "/run/systemd/journal/socket"

    func output(journal: String) throws(SystemError) -> any SessionOutput {
        switch self {
        case .journal: try JournalLog(path: journal)
        case .file(let files, let size): try FileLog(files, size: size)
        case .ipfix(let host, let port): try IPFIXLog(Endpoint(host: host, port: port))
        }
    }

    /// What to do when it can't be used.
    public var mend: String {
        switch self {
        case .journal:
            "journald isn't running: start it (systemctl start systemd-journald), or set [sessions] log to a file or a collector"
        case .file: "make the folder or room on its disk, or set [sessions] log to another file, and reload"
        case .ipfix: "start the collector, or mend [sessions] log and reload"
        }
    }

    /// Tries whether records can be written there, without leaving any; returns what speaks against it. To a collector goes a
    /// message that has nothing but templates, after which it has a moment to say that nobody is there.
    public func check(journal: String = journalPath) -> SystemError? {
        do throws(SystemError) {
            switch self {
            case .journal: _ = try DatagramSocket(toPath: journal)
            case .file(let files, _): try Self.checkFile(files.path)
            case .ipfix(let host, let port): try Self.checkCollector(Endpoint(host: host, port: port))
            }
            return nil
        } catch {
            return error
        }
    }

    /// A file that isn't there isn't made.
    private static func checkFile(_ path: String) throws(SystemError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw SystemError("\(path) is no regular file", .invalidArgument)
            }
            try systemCall("write to \(path)") { access(path, W_OK) }
        }
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        // With the slash, what isn't a folder is refused.
        try systemCall("make files in \(folder.isEmpty ? "/" : folder)") { access(folder + "/", W_OK | X_OK) }
    }

    private static func checkCollector(_ endpoint: Endpoint) throws(SystemError) {
        let socket = try DatagramSocket(to: endpoint)
        var exporter = IPFIXExporter(packet: socket.pathMTU, isIPv4: endpoint.address.isIPv4)
        let message = exporter.templates(at: WallClock.nanoseconds)
        if let error = socket.send(message.bytes, patience: 100) ?? socket.error(within: 300) {
            throw SystemError("send to \(endpoint)", error)
        }
    }
}
