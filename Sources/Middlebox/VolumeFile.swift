import Dispatch
import Foundation
import Logging
import Steering
import Synchronization

/// Where it is kept how much paths and clients with a cap have carried, so that a restart begins no new period.
final class VolumeFile: Sendable {
    private let path: String
    private let log: Logger
    /// Encoding thousands of clients takes longer than steering may wait.
    private let queue = DispatchQueue(label: "volumes")
    /// What the file holds; and whether it has been said that it can't be written.
    private let state = Mutex<(written: VolumeLedger?, isReported: Bool)>((nil, false))

    init(directory: String, log: Logger) {
        path = directory + "/volumes.json"
        self.log = log
    }

    /// Nothing where there is no file. One that can't be read is put aside, and the log says so.
    func read() -> VolumeLedger {
        do {
            return try JSONDecoder().decode(VolumeLedger.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch CocoaError.fileReadNoSuchFile {
            return VolumeLedger()
        } catch {
            let aside = path + ".unreadable"
            let isAside = rename(path, aside) == 0
            log.error(
                """
                \(path) can't be read, so that caps count from 0: \(Self.words(error)); \
                \(isAside ? "it is kept as \(aside)" : "make it a file that this process can read, or remove it")
                """)
            return VolumeLedger()
        }
    }

    private static func words(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return error.localizedDescription }
        return switch error {
        case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
            .valueNotFound(_, let context):
            context.debugDescription
        @unknown default: "\(error)"
        }
    }

    /// Replaces the file whole, if something has changed; returns before it has.
    func write(_ ledger: VolumeLedger) { queue.async { self.replace(with: ledger) } }

    /// Returns once what was to be written has been.
    func finish() { queue.sync {} }

    private func replace(with ledger: VolumeLedger) {
        state.withLock { state in
            guard ledger != state.written, ledger != VolumeLedger() || state.written != nil else { return }
            do {
                let folder = (path as NSString).deletingLastPathComponent
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                try JSONEncoder().encode(ledger).write(to: URL(fileURLWithPath: path), options: .atomic)
                state = (ledger, false)
            } catch {
                if !state.isReported {
                    log.error(
                        """
                        \(path) can't be written, so that caps begin anew with a restart: \(error.localizedDescription); \
                        set [advanced] state_directory to a folder that can be
                        """)
                }
                state.isReported = true
            }
        }
    }
}
