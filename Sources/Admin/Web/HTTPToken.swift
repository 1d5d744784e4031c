import Foundation

/// What those who ask over TCP have to know, as a file has it.
public struct HTTPToken: Sendable {
    private let bytes: [UInt8]

    /// Reads it from a file's one line. Throws `HTTPTokenError`.
    public init(contentsOf path: String) throws(HTTPTokenError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw HTTPTokenError(path, .unreadable(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw HTTPTokenError(path, .noFile) }
        guard status.st_mode & 0o077 == 0 else { throw HTTPTokenError(path, .open) }
        guard status.st_size <= 4096, let data = FileManager.default.contents(atPath: path) else {
            throw HTTPTokenError(path, status.st_size > 4096 ? .malformed : .unreadable(EACCES))
        }
        try self.init(text: String(decoding: data, as: UTF8.self), path)
    }

    /// `path`: what errors call it.
    init(text: String, _ path: String = "") throws(HTTPTokenError) {
        let line = text.hasSuffix("\n") ? text.dropLast() : text[...]
        let bytes = Array(line.utf8)
        guard (16...512).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw HTTPTokenError(path, .malformed)
        }
        self.bytes = bytes
    }

    /// Takes as long for every wrong one of the same length.
    func matches(_ other: Substring) -> Bool {
        let other = Array(other.utf8)
        guard other.count == bytes.count else { return false }
        return zip(bytes, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// Why the file of `[admin] http_token` can't be used.
public struct HTTPTokenError: Error, Hashable, CustomStringConvertible {
    enum Kind: Hashable {
        case unreadable(Int32)
        case noFile
        case open
        case malformed
    }

    private let path: String
    private let kind: Kind

    init(_ path: String, _ kind: Kind) {
        self.path = path
        self.kind = kind
    }

    public var problem: String {
        let what =
            switch kind {
            case .unreadable(let errno): "can't be read: \(String(cString: strerror(errno)))"
            case .noFile: "is no ordinary file"
            case .open: "may be read by others than its owner"
            case .malformed: "isn't one line of 16 to 512 visible ASCII characters"
            }
        return "[admin] http_token: \(path) \(what)"
    }

    public var mend: String {
        switch kind {
        case .open: "chmod 600 \(path)"
        case .unreadable, .noFile, .malformed: "make one: (umask 077; openssl rand -hex 32 > \(path))"
        }
    }

    public var description: String { "\(problem); \(mend)" }
}
