import Glibc

extension Settings {
    /// Reads and checks the file at `path`.
    public static func load(path: String) throws(SettingsError) -> Settings {
        try parse(text(of: path), file: path)
    }
}

private func text(of path: String) throws(SettingsError) -> String {
    let failure = { (problem: String, mend: String) in
        SettingsError(file: path, findings: [.init(problem: problem, mend: mend)])
    }
    let bytes: [UInt8]
    do throws(ReadFailure) {
        bytes = try contents(of: path)
    } catch {
        let mend = error.code == ENOENT ? "create it, or name another file" : "name a file that may be read"
        throw failure("can't be read: \(String(cString: strerror(error.code)))", mend)
    }
    guard bytes.count <= largestFile else { throw failure("larger than 1 MiB", "name a configuration file") }
    guard let text = String(validating: bytes, as: UTF8.self) else {
        throw failure("not UTF-8", "save it as UTF-8 text")
    }
    return text
}

/// An errno.
private struct ReadFailure: Error {
    let code: Int32
}

/// Bytes; what is larger was named by mistake.
private let largestFile = 1 << 20

/// The file's bytes, or a little more than `largestFile` of them.
private func contents(of path: String) throws(ReadFailure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ReadFailure(code: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= largestFile {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw ReadFailure(code: errno) }
        if count == 0 { break }
        bytes += buffer[..<count]
    }
    return bytes
}
