import LinuxSystem
import Wire

// How a session ends: in order, by a reset of either side, by idleness, or with the box.

extension Worker {
    /// One side was reset or lost. The other still gets what was sent to it before, then a reset of its own (RST, or
    /// MP_FASTCLOSE towards the client: RFC 8684 section 3.5).
    func reset(_ session: Session, failed: Session.Side) {
        shared.counters.resets.count()
        forget(session)
        let other = failed.other
        session.notes.ending = session.notes.ending ?? (failed == .client ? .clientReset : .serverReset)
        noteSubflows(session)
        session[failed]?.socket.abort()
        session[failed] = nil
        guard session[other]?.isBroken == false, session.unacknowledged(other) > 0 else {
            return end(session, orderly: false)
        }
        session.phase = .resetting(other)
        session.lastMoved = .now
        leaving.append(session)
    }

    /// Both sides have ended in order. The sockets are kept until what was written has been acknowledged.
    func close(_ session: Session) {
        session.notes.ending = .closed
        noteSubflows(session)
        guard session.hasUnacknowledgedData else { return end(session, orderly: true) }
        session.phase = .closing
        leaving.append(session)
    }

    /// How long data may take to reach a side that is to be reset.
    static let resetPatience = Duration.seconds(5)

    /// The other side has not taken what the failed one had sent.
    func brokenTooLong(_ session: Session) {
        guard session.phase == .relaying else { return }
        reset(session, failed: session.client?.isBroken == true ? .client : .server)
    }

    /// How often they are looked at: the kernel doesn't tell when what was sent has been acknowledged.
    static let leavingPace = Duration.milliseconds(10)

    func finishLeaving(_ now: MonotonicTime) {
        guard nextLeaving <= now else { return }
        nextLeaving = now + Self.leavingPace
        leaving.removeAll { session in
            switch session.phase {
            case .resetting(let side):
                let isThrough = session.unacknowledged(side) == 0
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
        let left = session.unacknowledged(.client) + session.unacknowledged(.server)
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
            session.notes.ending = .idle
            end(session, orderly: false)
        }
    }

    /// Resets those that `isMeant` is true for, towards both ends: their packets don't come here any more.
    func resetAll(where isMeant: (FourTuple) -> Bool) {
        var meant: [Session] = []
        sessions.forEach { if isMeant($0.tuple) { meant.append($0) } }
        for session in meant {
            if case .dialling(let id) = session.phase {
                end(session, orderly: false)
                // Its SYN is held, and goes on.
                shared.report(id, .unable)
            } else {
                shared.counters.resets.count()
                session.notes.ending = .rulesGone
                end(session, orderly: false)
            }
        }
    }

    /// The client's host has been seen to keep nothing of the connection any more. The kernel need not have heard of it:
    /// a client resets its connection with one segment on each subflow, which does nothing when it is lost or overtakes
    /// data (RFC 5961 section 3.2); all that comes later are resets without MP_FASTCLOSE, which end a subflow only. It
    /// would wait a minute for another subflow (net.mptcp.close_timeout), and the server with it.
    func clientIsGone(_ tuple: FourTuple) {
        let gone = sessions.latest(tuple) { session in
            session.phase == .relaying
                && session.client?.socket.multipathInfo?.subflows.allSatisfy(\.isClosed) == true
        }
        if let gone { breakDown(gone, .client) }
    }

    /// How many sessions are looked at in one go: few, since packets wait meanwhile.
    private static let closedAtATime = 64

    /// An operator ends connections: both sides are reset. Those whose client's SYN is still held aren't any yet.
    func close(_ selection: ConnectionSelection, fromSlot slot: Int) -> (closed: Int, next: Int?) {
        let (some, next) = sessions.chunk(from: slot, limit: Self.closedAtATime)
        let meant = some.filter { session in
            if case .dialling = session.phase { return false }
            return selection.contains(session.tuple) { session.token }
        }
        for session in meant {
            shared.counters.closedByOperator.count()
            session.notes.ending = .order
            end(session, orderly: false)
        }
        return (meant.count, next)
    }

    /// Forgets the session and closes what it has: in order, or with a reset on both sides.
    func end(_ session: Session, orderly: Bool) {
        guard session.phase != .over else { return }
        noteEnd(session)
        forget(session)
        session.toServer.discardPending(&buffers.pending)
        session.toClient.discardPending(&buffers.pending)
        for side in [Session.Side.client, .server] {
            if orderly {
                try? session[side]?.socket.setResetOnClose(false)
            } else {
                session[side]?.socket.abort()
            }
        }
        for _ in 0..<session.pendingPlaces { shared.pending.release(session.tuple.client.address) }
        if session.phase == .awaitingClient { shared.listeners.end(session.tuple) }
        if session.hasClient {
            // The segments that are seen now may be its successor's.
            if sessions.latest(session.tuple, where: { $0 !== session }) == nil { shared.ended(session.tuple) }
        }
        session.client = nil
        session.server = nil
        session.phase = .over
        sessions.remove(session)
        shared.sessionEnded()
    }
}

extension Session {
    fileprivate func unacknowledged(_ side: Side) -> Int { self[side]?.socket.unacknowledged ?? 0 }

    /// Is there more on the way than the end of the stream, which counts as one byte?
    fileprivate var hasUnacknowledgedData: Bool { unacknowledged(.client) > 1 || unacknowledged(.server) > 1 }

    /// The client's; nil where it doesn't speak MPTCP, or hasn't been accepted.
    var token: Token? { client?.socket.multipathToken.map { Token($0) } }
}
