import Glibc
import LinuxSystem
import SystemPackage

extension TraceTarget {
    var format: TraceFormat {
        switch self {
        case .file(let file): file.format
        case .live(_, let format): format
        }
    }

    var isFile: Bool { if case .file = self { true } else { false } }

    func sink() throws(SystemError) -> any TraceSink {
        switch self {
        case .file(let file): try FileSink(file)
        case .live(let sink, _): sink
        }
    }
}

/// A file with its predecessors: `trace.pcapng` is being written, `trace.1.pcapng` was before it.
final class FileSink: TraceSink {
    private let file: TraceFile
    private let files: RotatedFiles
    private var descriptor: Int32 = -1
    /// Bytes in the file at hand. It ends with whole records, whenever this process does.
    private var size = 0
    private let isRegular: Bool

    /// What is there by that name becomes the first predecessor.
    init(_ file: TraceFile) throws(SystemError) {
        self.file = file
        files = RotatedFiles(path: file.path, count: file.count)
        var status = stat()
        let exists = stat(file.path, &status) == 0
        isRegular = !exists || status.st_mode & S_IFMT == S_IFREG
        guard isRegular || status.st_mode & S_IFMT == S_IFCHR else {
            throw SystemError("[trace] file \(file.path) is no file; for a pipe use `sluice trace`", .invalidArgument)
        }
        if isRegular, status.st_size > 0 { files.makeWay() }
        try open()
    }

    deinit { close() }

    func hasRoom(beside bytes: Int) -> Bool { true }

    func isDue(with bytes: Int) -> Bool { isRegular && size + bytes >= file.size }

    func write(_ bytes: [UInt8]) throws(SystemError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            do throws(SystemError) {
                let count = try systemCall("write to \(file.path)") {
                    rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                }
                rest = rest.dropFirst(count)
            } catch {
                // No half record at the end.
                if isRegular { ftruncate(descriptor, off_t(size)) }
                throw error
            }
        }
        size += bytes.count
    }

    func rotate() throws(SystemError) {
        close()
        files.makeWay()
        try open()
    }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Packets are nobody's but root's.
    private func open() throws(SystemError) {
        descriptor = try systemCall("open \(file.path)") {
            Glibc.open(file.path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        }
        size = 0
    }
}
