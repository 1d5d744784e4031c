import Glibc
import SystemPackage

/// A file with its predecessors: `trace.pcapng` is being written, `trace.1.pcapng` was before it, `trace.2.pcapng` before that.
public struct RotatedFiles: Hashable, Sendable {
    /// Of the file that is being written.
    public let path: String
    /// Files in all, the one that is being written included; 1 or more.
    public let count: Int

    public init(path: String, count: Int) {
        self.path = path
        self.count = max(count, 1)
    }

    /// Each becomes older by one; the oldest is no more. Then there is no file that is being written.
    public func makeWay() {
        if count == 1 { unlink(path) }
        for age in (1..<count).reversed() { rename(path(ofAge: age - 1), path(ofAge: age)) }
    }

    /// The file that was put aside `age` times.
    public func path(ofAge age: Int) -> String {
        guard age > 0 else { return path }
        let path = FilePath(path)
        let name = [path.stem ?? "", String(age), path.extension].compactMap { $0 }.joined(separator: ".")
        return path.removingLastComponent().appending(name).string
    }
}
