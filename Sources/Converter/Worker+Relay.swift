import LinuxSystem
import Wire

// What a worker does about how bytes move, which `HalfDuplex` sees to: turns, limits, figures, and what follows from ends.

extension Worker {
    /// See `Converter.sendByMeasuredRate`. Subflows that join later inherit it.
    func sendByMeasuredRate(_ tuples: Set<FourTuple>) {
        for tuple in tuples { sessions.forEach(tuple, sendByMeasuredRate) }
    }

    private func sendByMeasuredRate(_ session: Session) {
        guard session.phase == .relaying else { return }
        do {
            try session.client?.socket.setCongestionControl("bbr")
        } catch {
            guard let suppressed = relayLog.pass(.now) else { return }
            shared.log.warning(
                """
                \(session.tuple) is throttled without BBR (\(error)), so that its other subflows may not be filled; \
                modprobe tcp_bbr, or name a congestion control in [relay] (\(suppressed) more not logged)
                """)
        }
    }

    /// Bytes that one direction of a session may move before others have their turn.
    private static let budget = 256 << 10

    func relay(_ session: Session) {
        relay(session, from: .server)
        guard session.phase == .relaying else { return }
        relay(session, from: .client)
        guard session.phase == .relaying else { return }
        if session.toServer.isFinished, session.toClient.isFinished { close(session) }
    }

    private func relay(_ session: Session, from source: Session.Side) {
        var budget = Self.budget
        while true {
            switch pump(session, from: source, &budget) {
            case .blockedRead, .ended, .blockedWrite(hasKept: false): return
            case .blockedWrite(hasKept: true): return isAhead(session, source)
            case .budgetSpent:
                isAhead(session, source)
                return postpone(session)
            case .failed(.source): return reset(session, failed: source)
            case .failed(.destination): awaitReset(session)
            case .bytesLost: return pipeCameUpShort(session)
            }
        }
    }

    private func pump(_ session: Session, from source: Session.Side, _ budget: inout Int) -> HalfDuplex.Outcome {
        switch source {
        case .client:
            buffers.lend(to: session.slot, 0)
            let (before, hadPending) = (session.toServer.relayed, session.toServer.hasPending)
            let outcome = session.toServer.pump(
                from: &session.client!, to: &session.server!, budget: &budget, through: &buffers
            ) { _, _ in session.lastMoved = .now }
            let written = session.toServer.relayed - before
            if written > 0 { shared.counters.bytesToServer.count(written) }
            if written > 0, hadPending { session.lastMoved = .now }
            if let delay = session.toServer.takeDelay() { shared.counters.dataToServer.record(nanoseconds: delay) }
            return outcome
        case .server:
            buffers.lend(to: session.slot, 1)
            let (before, hadPending) = (session.toClient.relayed, session.toClient.hasPending)
            let outcome = session.toClient.pump(
                from: &session.server!, to: &session.client!, budget: &budget, through: &buffers
            ) { server, client in
                session.lastMoved = .now
                followServer(session, server.socket, client.socket)
            }
            let written = session.toClient.relayed - before
            if written > 0 { shared.counters.bytesToClient.count(written) }
            if written > 0, hadPending { session.lastMoved = .now }
            if let delay = session.toClient.takeDelay() { shared.counters.dataToClient.record(nanoseconds: delay) }
            return outcome
        }
    }

    private func postpone(_ session: Session) {
        guard !session.isReady else { return }
        session.isReady = true
        ready.append(session)
    }

    /// The pipe lacks bytes that were put in: this session has lost them, and is reset on both sides rather than going
    /// on without. The worker doesn't splice any more, since what else the pipe would do is not known.
    private func pipeCameUpShort(_ session: Session) {
        shared.counters.relayFaults.count()
        session.notes.ending = .fault
        shared.log.error(
            """
            \(session.tuple) is reset, for the kernel lost bytes of it on their way through a pipe (splice(2)); worker \
            \(index) copies from now on, until the daemon is restarted
            """)
        end(session, orderly: false)
    }

    /// A side has failed. What it had sent before is still to be passed on; then comes the reset.
    func breakDown(_ session: Session, _ side: Session.Side) {
        if session[side]?.breakDown() == true { awaitReset(session) }
    }

    /// A side is broken since just now. The other one has some time to take what is pending for it.
    func awaitReset(_ session: Session) {
        // What comes is discarded from now on.
        forget(session)
        brokenDeadlines.append(session, now: .now)
        postpone(session)
    }
}
