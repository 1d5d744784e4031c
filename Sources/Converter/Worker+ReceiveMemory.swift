import LinuxSystem

// How much of the kernel's memory waits for sides that take less than comes: ReceiveMemory decides, and here its limits are
// set.

extension Worker {
    /// More has come from this side than the other one takes, or than the box itself moves in a turn. Its limit is looked at
    /// once a second, since how many are ahead changes.
    func isAhead(_ session: Session, _ side: Session.Side) {
        guard let memory = shared.receiveMemory, session.noteAhead(side, in: aheadPeriod) else { return }
        aheadNow += 1
        limitReceiving(session, side, memory, ahead: max(aheadNow, aheadBefore) * shared.setting.workers)
    }

    /// The kernel may give a near server's socket megabytes as soon as it is read for the first time, or, where
    /// net.ipv4.tcp_rmem begins with much, as soon as anything comes.
    func limitReceiving(fromServerOf session: Session) {
        guard let memory = shared.receiveMemory else { return }
        limitReceiving(session, .server, memory, ahead: 1)
    }

    private func limitReceiving(_ session: Session, _ side: Session.Side, _ memory: ReceiveMemory, ahead: Int) {
        let roundTrip = side == .server ? session.server?.socket.shortestRoundTrip : nil
        session.limitReceiving(side, to: memory.limit(roundTrip: roundTrip, ahead: ahead))
    }

    /// Begins another second.
    func countAhead() {
        aheadPeriod &+= 1
        aheadBefore = aheadNow
        aheadNow = 0
        reviewLimits()
    }

    /// A side that isn't ahead any more may need more than its share was then. Each is looked at once in so many seconds.
    private func reviewLimits() {
        guard let memory = shared.receiveMemory else { return }
        sessions.forEach { session in
            guard session.phase == .relaying, session.slot % Self.reviews == Int(aheadPeriod) % Self.reviews else {
                return
            }
            for side in [Session.Side.client, .server] where session[side]?.receiveLimit != nil {
                guard let lastAhead = session[side]?.lastAhead, lastAhead &+ 1 != aheadPeriod else { continue }
                limitReceiving(session, side, memory, ahead: aheadBefore * shared.setting.workers + 1)
            }
        }
    }

    private static let reviews = 8
}
