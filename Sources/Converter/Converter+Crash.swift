import Glibc
import HandOver
public import LinuxSystem
import Wire

// Sessions of a daemon that has died, as their sockets and the register tell of them.

extension Converter {
    /// What has become of them.
    public struct Salvage: Hashable, Sendable {
        /// They go on.
        public var kept = 0
        /// Of these, those with bytes in the dead daemon's hands.
        public var underWay = 0
        /// They are reset towards both ends, by reasons.
        public var reset: [String: Int] = [:]

        public var resets: Int { reset.values.reduce(0, +) }
    }

    /// Takes up what can go on, and resets what can't. Before the threads run.
    public func adopt(_ sessions: KeptSessions) -> Salvage {
        var salvage = Salvage()
        sessions.forEach { session in
            guard let client = sessions.takeSocket(session.client), let server = sessions.takeSocket(session.server),
                let record = Self.record(session.record)
            else { return salvage.reset[SessionSalvage.Reason.unknown.rawValue, default: 0] += 1 }
            switch Self.judge(session, record, client, server) {
            case .success(let record):
                shared.lastSessionNumber = record.notes.number
                let worker = workers[shared.worker(for: record.tuple)].member
                let hasBytes = !record.toServer.pending.isEmpty || !record.toClient.pending.isEmpty
                guard worker?.adopt(salvaged: record, client: client, server: server) == true else { return }
                salvage.kept += 1
                salvage.underWay += hasBytes ? 1 : 0
            case .failure(let reason):
                client.abort()
                server.abort()
                tellEnd(of: record)
                salvage.reset[reason.reason.rawValue, default: 0] += 1
            }
        }
        counters.salvaged.count(UInt64(salvage.kept))
        counters.lost.count(UInt64(salvage.resets))
        return salvage
    }

    private func tellEnd(of record: SessionRecord) {
        let notes = record.notes
        guard notes.number != 0, shared.observer.isWatching() else { return }
        shared.observer.tell(
            SessionReport(
                number: notes.number, tuple: record.tuple, upstream: notes.upstream,
                token: notes.token.map { Token($0) },
                interface: record.inDevice, established: notes.established, end: .fault, bytesToClient: 0,
                bytesToServer: 0, subflows: []))
    }

    /// All connections. Before the threads run.
    public func describeAll() -> [ConnectionDescription] {
        var all: [ConnectionDescription] = []
        for worker in workers {
            var selection: Worker.Selection? = .all(fromSlot: 0)
            while let wanted = selection, let member = worker.member {
                let (some, rest) = member.describe(wanted)
                all += some
                selection = rest
            }
        }
        return all
    }

    private struct NotSalvaged: Error {
        let reason: SessionSalvage.Reason
    }

    private static func record(_ bytes: [UInt8]) -> SessionRecord? {
        var reader = RecordReader(bytes)
        guard let record = try? SessionRecord(from: &reader), (try? reader.finish()) != nil else { return nil }
        return record
    }

    /// The record as the session goes on.
    private static func judge(
        _ session: KeptSessions.Session, _ record: SessionRecord, _ client: borrowing StreamSocket,
        _ server: borrowing StreamSocket
    ) -> Result<SessionRecord, NotSalvaged> {
        let (ofClient, ofServer) = (client.streamCounts(isOpener: false), server.streamCounts(isOpener: true))
        var record = record
        // It has been idle for want of a daemon.
        record.lastMoved = MonotonicTime.now.nanoseconds
        for (index, (source, destination)) in [(ofClient, ofServer), (ofServer, ofClient)].enumerated() {
            let kept = session.directions[index]
            let remains = SessionSalvage.Remains(
                waiting: kept.waiting.map { .init(base: $0.base) }, moving: kept.moving.map { .init(base: $0.base) },
                inPipe: kept.waitingInPipe)
            switch SessionSalvage.judge(from: source, to: destination, remains) {
            case .resets(let reason): return .failure(NotSalvaged(reason: reason))
            case .goesOn(let direction):
                guard let bytes = kept.bytes(of: direction.rest) else {
                    return .failure(NotSalvaged(reason: .bytes))
                }
                let toServer = index == 0
                var goesOn = toServer ? record.toServer : record.toClient
                goesOn.relayed = direction.given
                goesOn.pending = bytes
                if toServer { record.toServer = goesOn } else { record.toClient = goesOn }
            }
        }
        return .success(record)
    }
}

extension KeptSessions.Direction {
    fileprivate var waitingInPipe: Int { pipe.map { StreamSocket.unread(in: $0) } ?? 0 }

    /// nil: they aren't there.
    fileprivate func bytes(of rest: SessionSalvage.Rest) -> [UInt8]? {
        switch rest {
        case .nothing: return []
        case .waiting(let range): return waiting.map { Array($0.bytes[range]) }
        case .moving(let range, let inPipe):
            guard let moving else { return nil }
            var bytes = Array(moving.bytes[range])
            guard inPipe > 0 else { return bytes }
            guard let pipe else { return nil }
            while bytes.count < range.count + inPipe {
                let some = [UInt8](unsafeUninitializedCapacity: range.count + inPipe - bytes.count) { buffer, count in
                    count = max(0, read(pipe, buffer.baseAddress, buffer.count))
                }
                guard !some.isEmpty else { return nil }
                bytes += some
            }
            return bytes
        }
    }
}
