import Glibc
import LinuxSystem
import Wire

// Keepalive, done: what Keepalive.swift decides.

extension Session {
    /// What is known of the probes of a session's two ends.
    struct Keepalive {
        /// How often each side is probed because its peer probes; nil: as the setting says.
        var client: KeepalivePace?
        var server: KeepalivePace?
        var probesOfClient = ProbeWatch()
        var probesOfServer = ProbeWatch()
        /// At the last look.
        var clientSubflows = 0
        var clientAnswers = Responsiveness()
        var serverAnswers = Responsiveness()
        /// The client's probes are not answered, for the server doesn't answer the box's; the packet path sees to it. Where the
        /// server's aren't, its socket knows.
        var isDeafToClient = false
        /// The server's socket has its pace, also where that was put off until the session is idle.
        var isServerPaced = false
        /// In `Worker.probed`.
        var isWatched = false
    }
}

extension Worker {
    /// In how many seconds all idle sessions are looked at once, if there are many: a look takes some microseconds.
    private static let looksOfARound = 5
    /// Fewer are looked at each second.
    private static let alwaysLookedAt = 512
    /// How long a session has been idle before its client may be probing, and its server.
    private static let clientIdleTime = Duration.seconds(1)
    private static let serverIdleTime = Duration.seconds(4)

    /// Once a second: notices which servers probe, and which ends have fallen silent.
    func watchKeepalive(_ now: MonotonicTime) {
        let limit = max(Self.alwaysLookedAt, sessions.slotCount / Self.looksOfARound + 1)
        let next = sessions.forEach(from: keepaliveSlot, limit: limit) { session in
            guard session.phase == .relaying, session.lastMoved + Self.clientIdleTime <= now else { return }
            watchClient(session, now)
            guard session.lastMoved + Self.serverIdleTime <= now else { return }
            setDeferredKeepalive(session)
            watchServer(session, now)
        }
        keepaliveSlot = next ?? 0
        probed.removeAll { session in
            guard session.phase == .relaying else { return true }
            heedSilence(session)
            return false
        }
    }

    /// While bytes wait for the server, the client may be asking whether it may send again (RFC 9293 section 3.8.6.1), which
    /// looks the same.
    private func watchClient(_ session: Session, _ now: MonotonicTime) {
        guard !session.toServer.hasPending, session.server?.socket.unacknowledged ?? 0 <= 1,
            let came = session.client?.socket.arrivals
        else { return }
        // A new subflow's handshake is no probe.
        if came.subflows != session.keepalive.clientSubflows {
            session.keepalive.clientSubflows = came.subflows
            session.keepalive.probesOfClient = ProbeWatch()
        }
        let interval = session.keepalive.probesOfClient.look(
            segments: came.segments, subflows: came.subflows, moved: session.lastMoved,
            ownIdle: ownIdle(session, .client),
            sinceAcknowledgement: came.sinceAcknowledgement, at: now)
        if let interval { follow(session, .server, interval) }
    }

    private func watchServer(_ session: Session, _ now: MonotonicTime) {
        guard let state = session.server?.socket.probes else { return }
        let interval = session.keepalive.probesOfServer.look(
            segments: state.segmentsReceived, moved: session.lastMoved, ownIdle: ownIdle(session, .server),
            sinceAcknowledgement: state.sinceAcknowledgement, at: now)
        if let interval { follow(session, .client, interval) }
    }

    /// Seconds of silence after which the box probes this side.
    private func ownIdle(_ session: Session, _ side: Session.Side) -> Int32? {
        session.keepalive[side]?.idle ?? shared.setting.keepalive(towards: side)?.idle
    }

    /// Sets the pace of the server's socket, where that could wait until now: most sessions are never idle.
    private func setDeferredKeepalive(_ session: Session) {
        guard !session.keepalive.isServerPaced else { return }
        session.keepalive.isServerPaced = true
        guard session.keepalive.server == nil, let pace = shared.setting.keepalive(towards: .server), pace.isDeferrable
        else { return }
        setKeepalive(session, .server, pace)
    }

    /// Probes a side as often as its peer probes the box.
    private func follow(_ session: Session, _ side: Session.Side, _ interval: Duration) {
        let pace = KeepalivePace(following: interval)
        let current = session.keepalive[side] ?? shared.setting.keepalive(towards: side)
        if !session.keepalive.isWatched {
            session.keepalive.isWatched = true
            probed.append(session)
        }
        // The quickest counts: another probe now and then costs little.
        guard current.map({ pace.idle < $0.idle || session.keepalive[side] == nil && pace.idle == $0.idle }) ?? true
        else { return }
        if setKeepalive(session, side, pace) { session.keepalive[side] = pace }
    }

    @discardableResult
    private func setKeepalive(_ session: Session, _ side: Session.Side, _ pace: KeepalivePace) -> Bool {
        do {
            try session[side]?.socket.setKeepalive(idle: pace.idle, interval: pace.interval, count: pace.count)
            return true
        } catch {
            // Without it the side is probed as before.
            shared.log.debug("\(session.tuple): \(error)")
            return false
        }
    }

    private func heedSilence(_ session: Session) {
        if session.keepalive.server != nil {
            let probes = session.server?.socket.probes?.unanswered ?? 0
            let isSilent = session.keepalive.serverAnswers.look(hasUnansweredProbes: probes > 0)
            if isSilent != session.keepalive.isDeafToClient {
                session.keepalive.isDeafToClient = isSilent
                shared.silence(session.tuple, isSilent)
            }
            if isSilent { endIfGivenUp(session) }
        }
        if session.keepalive.client != nil {
            let isSilent = session.keepalive.clientAnswers.look(
                hasUnansweredProbes: session.client?.socket.hasUnansweredProbes ?? false)
            // What the client says, or its answer, is the end of its silence (see `HalfDuplex.pump`). While bytes are on their
            // way to the server, its acknowledgements have to be heard.
            if !isSilent {
                session.server?.setDeaf(false)
            } else if !session.toServer.hasPending, session.server?.socket.unacknowledged == 0 {
                session.server?.setDeaf(true)
            }
        }
    }

    /// A client whose probes fail resets its subflows and gives a reason, after which the kernel would keep the connection
    /// for another subflow (RFC 8684 section 3.6; net.mptcp.close_timeout, a minute).
    private func endIfGivenUp(_ session: Session) {
        guard let info = session.client?.socket.multipathInfo, info.subflows.allSatisfy(\.isClosed) else { return }
        breakDown(session, .client)
    }

}

extension StreamSocket {
    /// What has come in from a client.
    fileprivate var arrivals: (subflows: Int, segments: UInt32, sinceAcknowledgement: Duration)? {
        if let activity = SubflowActivity(self) {
            return (activity.subflows, activity.segmentsReceived, activity.sinceAcknowledgement)
        }
        return probes.map { (1, $0.segmentsReceived, $0.sinceAcknowledgement) }
    }

    /// Does no subflow of a client's answer?
    fileprivate var hasUnansweredProbes: Bool {
        guard let info = multipathInfo else { return probes.map { $0.unanswered > 0 } ?? false }
        return info.subflows.allSatisfy { $0.isClosed || $0.unansweredProbes > 0 }
    }
}

extension Session.Keepalive {
    subscript(side: Session.Side) -> KeepalivePace? {
        get { side == .client ? client : server }
        set { if side == .client { client = newValue } else { server = newValue } }
    }
}
