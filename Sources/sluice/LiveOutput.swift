import Admin
import ArgumentParser
import Glibc
import LinuxSystem
import Synchronization

/// Standard output, or a file.
final class LiveOutput {
    private let descriptor: Int32
    private let name: String
    /// The daemon sends one when nothing has happened for a while.
    private let dropsEmptyLines: Bool
    private var isAtLineStart = true

    init(path: String?, dropsEmptyLines: Bool) throws {
        self.dropsEmptyLines = dropsEmptyLines
        guard let path, path != "-" else {
            // `| head` ends us, whatever whoever started us thinks of such ends.
            signal(SIGPIPE, SIG_DFL)
            (descriptor, name) = (STDOUT_FILENO, "standard output")
            return
        }
        name = path
        do {
            descriptor = try systemCall("open \(path)") {
                open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            }
        } catch {
            printError(error)
            throw Sluice.Failure.atRunTime
        }
    }

    func write(_ bytes: [UInt8]) throws(SystemError) {
        var rest = (dropsEmptyLines ? withoutEmptyLines(bytes) : bytes)[...]
        while !rest.isEmpty {
            let written = try systemCall("write to \(name)") {
                rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            }
            rest = rest.dropFirst(written)
        }
    }

    private func withoutEmptyLines(_ bytes: [UInt8]) -> [UInt8] {
        bytes.filter { byte in
            let isEnd = byte == UInt8(ascii: "\n")
            defer { isAtLineStart = isEnd }
            return !(isEnd && isAtLineStart)
        }
    }
}

/// The number of the trace at hand, and how it ended.
final class TraceNumber: Sendable {
    private struct State {
        var id: UInt64?
        var endedAt: MonotonicTime?
        var totals: TraceReport?
    }

    enum End {
        case notBegun
        case now(UInt64)
        /// timeout(1) signals twice in a row.
        case justNow
        case longAgo
    }

    private let state = Mutex(State())

    var id: UInt64? { state.withLock(\.id) }
    var isEnded: Bool { state.withLock { $0.endedAt != nil } }

    func begin(_ id: UInt64) { state.withLock { $0.id = id } }

    func end() -> End {
        state.withLock { state in
            guard let id = state.id else { return .notBegun }
            if let endedAt = state.endedAt { return endedAt + .seconds(1) < .now ? .longAgo : .justNow }
            state.endedAt = .now
            return .now(id)
        }
    }

    var totals: TraceReport? {
        get { state.withLock(\.totals) }
        set { state.withLock { $0.totals = newValue } }
    }
}
