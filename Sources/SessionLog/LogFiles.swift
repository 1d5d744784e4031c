import Glibc
import LinuxSystem
import SystemPackage

/// Log files as they are read.
public enum LogFiles {
    /// The file and what was put aside of it, oldest first: by its own rotation (`sessions.1.jsonl`), or by logrotate
    /// (`sessions.jsonl.1`). What is compressed isn't among them.
    public static func all(of path: String) -> [String] {
        let own = RotatedFiles(path: path, count: 1)
        let older = existing { own.path(ofAge: $0) }
        let dated = existing { "\(path).\($0)" }
        return (older + dated).reversed() + [path]
    }

    /// The names of ages from 1 on, as long as there are files.
    private static func existing(_ name: (Int) -> String) -> [String] {
        var names: [String] = []
        while case let next = name(names.count + 1), access(next, F_OK) == 0 { names.append(next) }
        return names
    }

    /// Calls `body` with each line, without its end. `-` is standard input.
    public static func forEachLine(of path: String, _ body: (UnsafeRawBufferPointer) -> Void) throws(SystemError) {
        let descriptor = Descriptor(owning: try systemCall("open \(path)") { open(path) })
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var filled = 0
        let raw = descriptor.rawValue
        while true {
            if filled == buffer.count { buffer += [UInt8](repeating: 0, count: buffer.count) }
            let count = try systemCall("read \(path)") {
                buffer.withUnsafeMutableBytes { read(raw, $0.baseAddress! + filled, $0.count - filled) }
            }
            filled += count
            let taken = buffer.withUnsafeBytes { lines(UnsafeRawBufferPointer(rebasing: $0[..<filled]), body) }
            // What has no end yet.
            buffer.withUnsafeMutableBytes { _ = memmove($0.baseAddress!, $0.baseAddress! + taken, filled - taken) }
            filled -= taken
            guard count > 0 else { break }
        }
        if filled > 0 { buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<filled])) } }
    }

    private static func open(_ path: String) -> Int32 {
        path == "-" ? dup(STDIN_FILENO) : Glibc.open(path, O_RDONLY | O_CLOEXEC)
    }

    /// Returns how many bytes have been lines.
    private static func lines(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) -> Int {
        var start = 0
        while start < bytes.count, let end = memchr(bytes.baseAddress! + start, 10, bytes.count - start) {
            let length = UnsafeRawPointer(end) - (bytes.baseAddress! + start)
            body(UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
            start += length + 1
        }
        return start
    }
}
