import Glibc
import LinuxSystem

// How a session ends: in order, by a reset of either side, by idleness, or with the box.

extension Worker {
    /// One side was reset or lost. The other still gets what was sent to it before, then a reset of its own (RST, or
    /// MP_FASTCLOSE towards the client: RFC 8684 section 3.5).
    func reset(_ session: Session, failed: Session.Side) {
        shared.counters.resets.count()
        let other = failed.other
        close(session, failed)
        guard !session[other].broken, StreamSocket.unacknowledged(session[other].descriptor) > 0 else {
            return end(session, orderly: false)
        }
        session.phase = .resetting(other)
        session.lastMoved = .now
        leaving.append(session)
    }

    /// Both sides have ended in order. The sockets are kept until what was written has been acknowledged.
    func close(_ session: Session) {
        guard session.hasUnacknowledgedData else { return end(session, orderly: true) }
        session.phase = .closing
        leaving.append(session)
    }

    /// How long data may take to reach a side that is to be reset.
    static let resetPatience = Duration.seconds(5)

    /// The other side has not taken what the failed one had sent.
    func brokenTooLong(_ session: Session) {
        guard session.phase == .relaying else { return }
        reset(session, failed: session.client.broken ? .client : .server)
    }

    func finishLeaving(_ now: MonotonicTime) {
        leaving.removeAll { session in
            switch session.phase {
            case .resetting(let side):
                let isThrough = StreamSocket.unacknowledged(session[side].descriptor) == 0
                guard isThrough || session.lastMoved + Self.resetPatience < now else { return false }
                end(session, orderly: false)
            case .closing:
                guard !session.hasUnacknowledgedData || isStuck(session, now) else { return false }
                end(session, orderly: true)
            case .dialling, .awaitingClient, .awaitingServer, .relaying, .over: break
            }
            return true
        }
    }

    /// Has nothing more of a closing session's last bytes been acknowledged for a minute?
    private func isStuck(_ session: Session, _ now: MonotonicTime) -> Bool {
        let left =
            StreamSocket.unacknowledged(session.client.descriptor)
            + StreamSocket.unacknowledged(session.server.descriptor)
        if left != session.lastUnacknowledged {
            session.lastUnacknowledged = left
            session.lastMoved = now
        }
        return session.lastMoved + .seconds(60) < now
    }

    func resetIdle(_ now: MonotonicTime) {
        guard let idleTimeout = shared.setting.idleTimeout else { return }
        var idle: [Session] = []
        sessions.forEach { if $0.phase == .relaying, $0.lastMoved + idleTimeout < now { idle.append($0) } }
        for session in idle {
            shared.counters.idleTimeouts.count()
            end(session, orderly: false)
        }
    }

    /// How long a client may be without a subflow before it counts as gone.
    static let rejoinPatience = Duration.seconds(3)

    /// Breaks the sessions of clients that have lost their last subflow and not joined again since.
    ///
    /// A client resets its connection with one segment on each subflow, and keeps nothing of it. One that is lost, or
    /// overtakes data, does nothing here (RFC 5961 section 3.2), and what the client answers to all later segments are
    /// resets without MP_FASTCLOSE, which end a subflow only. The kernel says nothing of that, and would wait a minute
    /// for another subflow (RFC 8684 section 3.3.3 leaves open how long), the server with it.
    func breakStranded(_ now: MonotonicTime) {
        var stranded: [Session] = []
        sessions.forEach { session in
            guard session.phase == .relaying, !session.client.broken else { return }
            guard MultipathInfo.isWithoutSubflow(session.client.descriptor) else {
                session.strandedSince = nil
                return
            }
            let since = session.strandedSince ?? now
            session.strandedSince = since
            if since + Self.rejoinPatience <= now { stranded.append(session) }
        }
        for session in stranded { breakDown(session, .client) }
    }

    /// Forgets the session and closes what it has: in order, or with a reset (which is how its sockets are set up).
    func end(_ session: Session, orderly: Bool) {
        guard session.phase != .over else { return }
        if orderly {
            for side in [Session.Side.client, .server] {
                try? StreamSocket.setResetOnClose(session[side].descriptor, false)
            }
        }
        if session.isPending { shared.pending.release(session.tuple.client.address) }
        if session.hasClient { shared.listeners.count(ListenerTable.Key(session.tuple.server), -1) }
        close(session, .client)
        close(session, .server)
        if awaited[session.tuple] === session { awaited[session.tuple] = nil }
        session.phase = .over
        sessions.remove(session)
        shared.sessionEnded()
    }

    private func close(_ session: Session, _ side: Session.Side) {
        guard session[side].descriptor >= 0 else { return }
        closeDescriptor(session[side].descriptor)
        session[side].descriptor = -1
    }

    func closeDescriptor(_ descriptor: Int32) { _ = Glibc.close(descriptor) }
}

extension Session {
    /// Is there more on the way than the end of the stream, which counts as one byte?
    fileprivate var hasUnacknowledgedData: Bool {
        StreamSocket.unacknowledged(client.descriptor) > 1 || StreamSocket.unacknowledged(server.descriptor) > 1
    }
}
