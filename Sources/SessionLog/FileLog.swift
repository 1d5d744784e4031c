import Glibc
import LinuxSystem
import SystemPackage

/// JSON lines in a file, which goes on where one is there already.
final class FileLog: SessionOutput {
    private let files: RotatedFiles
    private let rotation: Rotation
    private var descriptor: Descriptor
    /// Of the file at hand.
    private var size: Int
    private var version = ""
    /// The next line needs a line feed before it.
    private var endsInMidLine: Bool

    init(_ files: RotatedFiles, size limit: Int) throws(SystemError) {
        self.files = files
        rotation = Rotation(limit: limit)
        let descriptor = try Self.open(files.path)
        let size = try Self.size(descriptor, files.path)
        self.size = size
        self.descriptor = descriptor
        // Whoever wrote it may have been killed, or the machine.
        endsInMidLine = size > 0 && Self.lastByte(files.path, at: size - 1) != UInt8(ascii: "\n")
    }

    func begin(_ mark: LogMark, at time: Int64, version: String) throws(SystemError) {
        self.version = version
        var line = SessionLine()
        line.append(mark, at: time, version: version)
        if rotation.fitting([line.bytes.count], into: size) == 0 { try rotate() }
        let outcome = append(line.bytes, ends: [line.bytes.count])
        if let error = outcome.error { throw error }
    }

    func end(_ mark: LogMark, at time: Int64) {
        var line = SessionLine()
        line.append(mark, at: time, version: version)
        _ = append(line.bytes, ends: [line.bytes.count])
    }

    func write(_ records: ArraySlice<SessionRecord>, at time: Int64, _ name: (UInt32) -> String?) -> WriteOutcome {
        var rest = records
        while !rest.isEmpty {
            let chunk = rest.prefix(Self.linesAtATime)
            var lines = SessionLine()
            // Where each line ends.
            var ends: [Int] = []
            for record in chunk {
                lines.append(record, name)
                ends.append(lines.bytes.count)
            }
            let outcome = append(lines.bytes, ends: ends)
            rest = rest.dropFirst(outcome.written)
            // The rest of the batch isn't tried: who waits for a disk that is full loses more.
            if let error = outcome.error { return WriteOutcome(lost: rest.count, error: error) }
        }
        return WriteOutcome()
    }

    private static let linesAtATime = 256

    /// Appends lines, and puts the file aside where it is their time. Returns how many have been written whole.
    private func append(_ bytes: [UInt8], ends: [Int]) -> (written: Int, error: SystemError?) {
        var rest = ends[...]
        var start = 0
        do throws(SystemError) {
            while !rest.isEmpty {
                let count = rotation.fitting(Self.lengths(rest, from: start), into: size)
                guard count > 0 else {
                    try rotate()
                    continue
                }
                let run = rest.prefix(count)
                let (taken, error) = write(bytes[start..<run[run.endIndex - 1]])
                let whole = run.prefix { $0 <= start + taken }
                let end = whole.last ?? start
                rest = rest.dropFirst(whole.count)
                if let error {
                    cutBack(start + taken - end)
                    throw error
                }
                start = end
            }
        } catch {
            return (ends.count - rest.count, error)
        }
        return (ends.count, nil)
    }

    private static func lengths(_ ends: ArraySlice<Int>, from start: Int) -> [Int] {
        var last = start
        return ends.map { end in
            defer { last = end }
            return end - last
        }
    }

    /// Returns how many bytes were taken before the error, if there was one.
    private func write(_ bytes: ArraySlice<UInt8>) -> (taken: Int, error: SystemError?) {
        var rest = bytes
        do throws(SystemError) {
            if endsInMidLine { try writeAll([UInt8(ascii: "\n")]) }
            endsInMidLine = false
            while !rest.isEmpty {
                let count = try systemCall("write to \(files.path)") {
                    rest.withUnsafeBytes { Glibc.write(descriptor.rawValue, $0.baseAddress, $0.count) }
                }
                size += count
                rest = rest.dropFirst(count)
            }
            return (bytes.count, nil)
        } catch {
            return (bytes.count - rest.count, error)
        }
    }

    private func writeAll(_ bytes: [UInt8]) throws(SystemError) {
        let count = try systemCall("write to \(files.path)") {
            bytes.withUnsafeBytes { Glibc.write(descriptor.rawValue, $0.baseAddress, $0.count) }
        }
        size += count
    }

    /// No half line at the end.
    private func cutBack(_ bytes: Int) {
        guard bytes > 0 else { return }
        let end = (try? Self.size(descriptor, files.path)) ?? size
        if ftruncate(descriptor.rawValue, off_t(max(0, end - bytes))) == 0 {
            size = max(0, end - bytes)
        } else {
            endsInMidLine = true
        }
    }

    private func rotate() throws(SystemError) {
        files.makeWay()
        descriptor = try Self.open(files.path)
        // 0, unless the one before could not be put aside.
        size = try Self.size(descriptor, files.path)
        endsInMidLine = false
        if rotation.fitting([1], into: size) == 0 {
            throw SystemError("put \(files.path) aside for a new one", .permissionDenied)
        }
    }

    /// Who talked to whom is nobody's but root's.
    private static func open(_ path: String) throws(SystemError) -> Descriptor {
        let descriptor = Descriptor(
            owning: try systemCall("open \(path)") {
                // A pipe without a reader isn't waited for; it is refused below.
                Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o600)
            })
        var status = stat()
        try systemCall("fstat \(path)") { fstat(descriptor.rawValue, &status) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError("[sessions] log: \(path) is no regular file", .invalidArgument)
        }
        return descriptor
    }

    private static func size(_ descriptor: borrowing Descriptor, _ path: String) throws(SystemError) -> Int {
        var status = stat()
        let raw = descriptor.rawValue
        try systemCall("fstat \(path)") { fstat(raw, &status) }
        return Int(status.st_size)
    }

    private static func lastByte(_ path: String, at offset: Int) -> UInt8? {
        let raw = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return nil }
        let descriptor = Descriptor(owning: raw)
        var byte: UInt8 = 0
        return pread(descriptor.rawValue, &byte, 1, off_t(offset)) == 1 ? byte : nil
    }
}
