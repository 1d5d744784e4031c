public import HandOver
public import LinuxSystem
import Wire

// The stream path, handed over from a daemon whose threads stand still to one whose threads don't run yet.

extension Converter {
    /// Handles the messages that wait, of which others may come of; whether there were any. While all threads stand still.
    public func drainMail() -> Bool {
        var hasAny = false
        for worker in workers where worker.member?.drainMail() == true { hasAny = true }
        return hasAny
    }

    /// Listeners, sessions, and the descriptors of both in their order. While all threads stand still; the descriptors stay
    /// this daemon's.
    public func handOver() -> (listeners: HandOverRecord.Part, sessions: HandOverRecord.Part, descriptors: [Int32]) {
        var descriptors: [Int32] = []
        var writer = RecordWriter()
        let records = shared.listeners.records
        writer.write(all: records) { $1.0.write(to: &$0) }
        descriptors += records.map(\.1)
        shared.ways.write(to: &writer)
        let listeners = HandOverRecord.Part(writer.bytes, descriptors: descriptors.count)
        var sessionWriter = RecordWriter()
        var count = 0
        for worker in workers { count += worker.member?.write(to: &sessionWriter, &descriptors) ?? 0 }
        var head = RecordWriter()
        head.write(shared.lastSessionNumber)
        head.write(UInt32(count))
        let sessions = HandOverRecord.Part(
            head.bytes + sessionWriter.bytes, descriptors: descriptors.count - listeners.descriptors)
        return (listeners, sessions, descriptors)
    }

    /// Takes up what another daemon had. Before the threads run. Throws `RecordError` or `SystemError`; then the process has to
    /// end without closing anything in order.
    public func adopt(_ record: HandOverRecord, _ descriptors: ReceivedDescriptors) throws {
        var reader = RecordReader(record[.listeners].bytes)
        for listener in try reader.all({ (reader) throws(RecordError) in try ListenerRecord(from: &reader) }) {
            guard let socket = descriptors.takeSocket() else { throw missing(record) }
            let (key, number) = shared.listeners.adopt(listener, socket)
            workers[shared.worker(for: key)].member?.watch(key, number)
        }
        try shared.ways.adopt(from: &reader)
        try reader.finish()
        reader = RecordReader(record[.sessions].bytes)
        shared.lastSessionNumber = try reader.number()
        for _ in 0..<(try reader.number(UInt32.self)) {
            let session = try SessionRecord(from: &reader)
            guard session.descriptors <= descriptors.count else { throw missing(record) }
            let client = session.client == nil ? nil : descriptors.takeSocket()
            let server = session.server == nil ? nil : descriptors.takeSocket()
            try workers[shared.worker(for: session.tuple)].member?.adopt(session, client: client, server: server)
        }
        try reader.finish()
    }

    /// Closes this daemon's listeners, which another one has as well. While all threads stand still, for good.
    public func closeListeners() { shared.listeners.closeAll() }

    /// Clients' probes that the daemon before has left unanswered go on being so. Before the threads run, or while they stand
    /// still.
    public var silencedClients: [FourTuple] {
        var all: [FourTuple] = []
        for worker in workers { worker.member?.forEachSilenced { all.append($0) } }
        return all
    }

    /// Of the connections whose clients have been accepted and speak MPTCP. Before the threads run, or while they stand still.
    public var tokens: [(tuple: FourTuple, token: Token)] {
        var all: [(tuple: FourTuple, token: Token)] = []
        for worker in workers { worker.member?.forEachToken { all.append(($0, $1)) } }
        return all
    }

    private func missing(_ record: HandOverRecord) -> RecordError {
        .descriptors(expected: record[.listeners].descriptors + record[.sessions].descriptors, found: 0)
    }
}

extension ReceivedDescriptors {
    fileprivate func takeSocket() -> StreamSocket? {
        guard let descriptor = take() else { return nil }
        return StreamSocket(owning: descriptor)
    }
}
