import Glibc
import LinuxSystem
import SystemPackage

func makeDirectory(_ path: String) throws(SystemError) {
    try systemCall("mkdir \(path)") { mkdir(path, 0o755) }
}

/// Replaces a file's content; `path` may be a sysctl under /proc, too.
func writeFile(_ path: String, _ text: String) throws {
    let file = try open(path, .writeOnly, [.create, .truncate])
    try file.closeAfter { _ = try file.writeAll(text.utf8) }
}

/// The whole text of a file, whatever size it says it has (files under /proc say 0).
public func readFile(_ path: String) throws -> String {
    let file = try open(path, .readOnly, [])
    return try file.closeAfter {
        var bytes: [UInt8] = []
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 8)
        defer { chunk.deallocate() }
        while case let count = try file.read(into: chunk), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The names in a directory; none when there is no such directory.
public func directoryEntries(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

private func open(
    _ path: String, _ mode: FileDescriptor.AccessMode, _ options: FileDescriptor.OpenOptions
) throws(SystemError) -> FileDescriptor {
    do {
        return try FileDescriptor.open(
            FilePath(path), mode, options: options.union(.closeOnExec), permissions: .ownerReadWrite)
    } catch {
        throw SystemError("open \(path)", error as? Errno ?? .ioError)
    }
}
