import Glibc
import LinuxSystem
import SystemPackage

/// Records as fields of journald.
final class JournalLog: SessionOutput {
    private let path: String
    private var socket: DatagramSocket

    /// How long journald may let its queue be full, in milliseconds, until records are lost.
    private static let patience: Int32 = 1000

    init(path: String) throws(SystemError) {
        self.path = path
        socket = try DatagramSocket(toPath: path)
    }

    func begin(_ mark: LogMark, at time: Int64, version: String) {}

    func end(_ mark: LogMark, at time: Int64) {}

    func write(_ records: ArraySlice<SessionRecord>, at time: Int64, _ name: (UInt32) -> String?) -> WriteOutcome {
        for (index, record) in zip(records.indices, records) {
            let entry = JournalEntry(record, name)
            guard let error = send(entry.bytes) else { continue }
            return WriteOutcome(
                lost: records.endIndex - index, error: SystemError("send to \(path)", error), isBroken: true)
        }
        return WriteOutcome()
    }

    /// A journald that was started anew has another socket of that name.
    private func send(_ bytes: [UInt8]) -> Errno? {
        guard let error = socket.send(bytes, patience: Self.patience) else { return nil }
        guard error == .connectionRefused || error == Errno(rawValue: ENOTCONN),
            let new = try? DatagramSocket(toPath: path)
        else {
            return error
        }
        socket = new
        return socket.send(bytes, patience: Self.patience)
    }
}
