import HandOver
import LinuxSystem
import Wire

// A worker's sessions, handed over. What is here is called while its thread stands still, or before it runs.

extension Worker {
    /// Handles the messages that have come; whether there were any.
    func drainMail() -> Bool {
        guard !mailbox.isEmpty else { return false }
        handle(EventTag.mailbox.bits, .readable)
        return true
    }

    /// Writes all sessions, and notes their descriptors.
    func write(to writer: inout RecordWriter, _ descriptors: inout [Int32]) -> Int {
        var count = 0
        sessions.forEach { session in
            guard let record = session.record else { return }
            record.write(to: &writer)
            if let client = session.client?.socket.rawValue { descriptors.append(client) }
            if let server = session.server?.socket.rawValue { descriptors.append(server) }
            count += 1
        }
        return count
    }

    /// Takes up a session of another daemon's.
    func adopt(
        _ record: SessionRecord, client: consuming StreamSocket?, server: consuming StreamSocket?
    ) throws(SystemError) {
        let now = MonotonicTime.now
        let session = sessions.insert(record.tuple, phase: Session.Phase(record.phase), now: now)
        session.take(record, client: client, server: server, &buffers.pending)
        shared.sessionBegan()
        for _ in 0..<session.pendingPlaces { shared.pending.adopt(record.tuple.client.address) }
        switch record.phase {
        case .dialling: dialDeadlines.insert(session, at: session.created + Self.unansweredTime)
        case .awaitingClient: clientDeadlines.append(session, now: now)
        case .resettingClient, .resettingServer, .closing: leaving.append(session)
        case .awaitingServer, .relaying: break
        }
        keep(session)
        let isBroken = record.client?.isBroken == true || record.server?.isBroken == true
        if record.phase == .relaying, isBroken { awaitReset(session) }
        if record.client?.keepalive != nil || record.server?.keepalive != nil {
            session.keepalive.isWatched = true
            probed.append(session)
        }
        try register(session, .client)
        try register(session, .server)
    }

    /// Of the sessions whose clients have been accepted.
    func forEachToken(_ body: (FourTuple, Token) -> Void) {
        sessions.forEach { session in
            guard session.hasClient, let token = session.token else { return }
            body(session.tuple, token)
        }
    }

    /// Clients whose probes are not to be answered.
    func forEachSilenced(_ body: (FourTuple) -> Void) {
        sessions.forEach { if $0.keepalive.isDeafToClient { body($0.tuple) } }
    }
}

extension Session.Phase {
    fileprivate init(_ phase: SessionRecord.Phase) {
        self =
            switch phase {
            case .dialling: .dialling(Session.nobody)
            case .awaitingClient: .awaitingClient
            case .awaitingServer: .awaitingServer
            case .relaying: .relaying
            case .resettingClient: .resetting(.client)
            case .resettingServer: .resetting(.server)
            case .closing: .closing
            }
    }
}
