import Glibc
import LinuxSystem
import SystemPackage
import Wire

// How bytes move. Each direction reads what its source has and writes it to the other side; what the other side does not
// take stays pending, and nothing more is read until it has gone: backpressure reaches the sender through the kernel's
// own windows, and a session holds one chunk a direction at most. An idle session holds no buffer at all.

extension Worker {
    /// See `Converter.sendByMeasuredRate`. Subflows that join later inherit it.
    func sendByMeasuredRate(_ tuples: Set<FourTuple>) {
        for tuple in tuples { sessions.forEach(tuple, sendByMeasuredRate) }
    }

    private func sendByMeasuredRate(_ session: Session) {
        guard session.phase == .relaying else { return }
        do {
            try StreamSocket.setCongestionControl(session.client.descriptor, "bbr")
        } catch {
            guard let suppressed = relayLog.pass(.now) else { return }
            shared.log.warning(
                """
                \(session.tuple) is throttled without BBR (\(error)), so that its other subflows may not be filled; \
                modprobe tcp_bbr, or name a congestion control in [relay] (\(suppressed) more not logged)
                """)
        }
    }

    /// Of each direction of a session, the first fresh read is timed, and then one of so many: counted for each by itself,
    /// since what alternates would always have the same one timed.
    private static let sampling = 16

    /// Bytes that one direction of a session may move before others have their turn.
    private static let budget = 256 << 10

    func relay(_ session: Session) {
        relay(session, from: .server)
        guard session.phase == .relaying else { return }
        relay(session, from: .client)
        guard session.phase == .relaying else { return }
        if session.client.finished, session.server.finished { close(session) }
    }

    private func relay(_ session: Session, from source: Session.Side) {
        var budget = Self.budget
        while session.phase == .relaying {
            guard session[source].pending == nil || writePending(session, from: source) else { return }
            guard !session[source].ended else { return finish(session, from: source) }
            guard session[source].readable else { return }
            guard budget > 0 else {
                isAhead(session, source)
                return postpone(session)
            }
            budget -= readOnce(session, from: source)
        }
    }

    private func postpone(_ session: Session) {
        guard !session.isReady else { return }
        session.isReady = true
        ready.append(session)
    }

    /// Reads one chunk and passes on as much as the other side takes. Returns the bytes read.
    private func readOnce(_ session: Session, from source: Session.Side) -> Int {
        let descriptor = session[source].descriptor
        let wanted = session[source].chunk
        var arrival: Int64 = 0
        let isTimed = takeTurnToTime(session, from: source)
        var isSpliced = !isTimed && isWorthSplicing(session, from: source)
        var result = systemCallResult {
            if isTimed { return StreamSocket.receiveStamped(descriptor, scratch.baseAddress!, wanted, time: &arrival) }
            if isSpliced { return pipe.fill(from: descriptor, wanted) }
            return recv(descriptor, scratch.baseAddress, wanted, 0)
        }
        // Before an urgent byte splice gives the same answers as at the end of all that has come, or of the stream;
        // recv goes on with that byte (net/ipv4/tcp.c, tcp_read_sock and SO_OOBINLINE). An error is told once.
        if isSpliced, result == .success(0) || result == .failure(.wouldBlock) {
            isSpliced = false
            result = systemCallResult { recv(descriptor, scratch.baseAddress, wanted, 0) }
        }
        switch result {
        case .success(0):
            // A reset right behind the end of the stream comes with the same event, and no further one tells of it.
            if session[source].broken || StreamSocket.pendingError(descriptor) != nil {
                reset(session, failed: source)
            } else {
                session[source].ended = true
            }
            return 0
        case .success(let count):
            session.lastMoved = .now
            if source == .client { listenToServer(session) } else { followServer(session) }
            // A broken destination takes nothing more; reading on finds the source's own end.
            if session[source.other].broken {
                // The pipe has to be empty for the next session.
                if isSpliced, emptyPipe(count, into: 0) < count { pipeCameUpShort(session) }
                return count
            }
            let written: Int
            if isSpliced {
                guard let taken = writeSpliced(session, from: source, count) else {
                    pipeCameUpShort(session)
                    return count
                }
                written = taken
            } else {
                written = write(session, from: source, UnsafeRawBufferPointer(rebasing: scratch[..<count]))
            }
            // What had to wait for the other side tells of that one, not of this box.
            if arrival != 0, written == count { recordConversion(session, since: arrival, from: source) }
            if written < count, !session[source.other].broken {
                keep(session, from: source, UnsafeRawBufferPointer(rebasing: scratch[written..<count]))
            } else if count == wanted {
                if source == .server, wanted < Session.firstChunk { limitReceiving(fromServerOf: session) }
                session[source].chunk = min(max(wanted * 2, Session.firstChunk), Session.largestChunk)
            }
            return count
        case .failure(.wouldBlock) where !session[source].broken:
            session[source].readable = false
            return 0
        case .failure:
            reset(session, failed: source)
            return 0
        }
    }

    /// Are bytes to be moved without a copy to this process? From a server whose chunk has grown, until the client takes less.
    /// Out of an MPTCP socket that is slow: the kernel has no splice_read of its own for it (net/mptcp/protocol.c).
    private func isWorthSplicing(_ session: Session, from source: Session.Side) -> Bool {
        source == .server && session.server.chunk > Session.firstChunk && session.client.writable
            && !session.client.broken && isPipeSound
    }

    /// Passes on what is in the pipe, of which as much as the other side takes is written. The rest is then where it would be
    /// if it had been read. nil: some of it is nowhere.
    private func writeSpliced(_ session: Session, from source: Session.Side, _ count: Int) -> Int? {
        let written = write(session, from: source, count) { pipe.drain(to: $0, count - $1) }
        return emptyPipe(count, into: written) < count ? nil : written
    }

    /// Takes bytes out of the pipe to their places in `scratch`, from `start` up to `count`; returns how far it got.
    private func emptyPipe(_ count: Int, into start: Int) -> Int {
        var end = start
        while end < count {
            guard case .success(let taken) = systemCallResult({ pipe.read(scratch.baseAddress! + end, count - end) }),
                taken > 0
            else { break }
            end += taken
        }
        return end
    }

    /// The pipe lacks bytes that were put in: this session has lost them, and is reset on both sides rather than going
    /// on without. The worker doesn't splice any more, since what else the pipe would do is not known.
    private func pipeCameUpShort(_ session: Session) {
        isPipeSound = false
        shared.counters.relayFaults.count()
        shared.log.error(
            """
            \(session.tuple) is reset, for the kernel lost bytes of it on their way through a pipe (splice(2)); worker \
            \(index) copies from now on, until the daemon is restarted
            """)
        end(session, orderly: false)
    }

    /// Is the next read to be timed? One that gives no figure leaves the turn to the next.
    private func takeTurnToTime(_ session: Session, from source: Session.Side) -> Bool {
        guard session[source].isFresh else { return false }
        session[source].isFresh = false
        guard session[source].readsToSample > 0 else { return true }
        session[source].readsToSample -= 1
        return false
    }

    /// `arrival`: nanoseconds since 1970. A clock that has been set back makes no figure.
    private func recordConversion(_ session: Session, since arrival: Int64, from source: Session.Side) {
        let time = WallClock.nanoseconds - arrival
        guard time >= 0 else { return }
        session[source].readsToSample = Self.sampling - 1
        let histogram = source == .client ? shared.counters.dataToServer : shared.counters.dataToClient
        histogram.record(nanoseconds: UInt64(time))
    }

    /// Writes towards the other side; the number of bytes that it took.
    private func write(_ session: Session, from source: Session.Side, _ bytes: UnsafeRawBufferPointer) -> Int {
        write(session, from: source, bytes.count) { descriptor, written in
            Glibc.send(descriptor, bytes.baseAddress! + written, bytes.count - written, Int32(MSG_NOSIGNAL))
        }
    }

    /// The same with a system call of the caller's, which is told what has been written so far.
    private func write(
        _ session: Session, from source: Session.Side, _ count: Int,
        _ call: (_ descriptor: Int32, _ written: Int) -> Int
    ) -> Int {
        let written = send(session, to: source.other, count, call)
        session[source].relayed += UInt64(written)
        if source == .server {
            shared.counters.bytesToClient.count(UInt64(written))
        } else {
            shared.counters.bytesToServer.count(UInt64(written))
        }
        return written
    }

    private func send(
        _ session: Session, to destination: Session.Side, _ count: Int, _ call: (Int32, Int) -> Int
    ) -> Int {
        guard session[destination].writable else { return 0 }
        let descriptor = session[destination].descriptor
        var written = 0
        while written < count {
            switch systemCallResult({ call(descriptor, written) }) {
            case .success(0): return written
            case .success(let taken): written += taken
            case .failure(let error):
                session[destination].writable = false
                if error != .wouldBlock { breakDown(session, destination) }
                return written
            }
        }
        return written
    }

    /// A side has failed. What it had sent before is still to be passed on; then comes the reset.
    func breakDown(_ session: Session, _ side: Session.Side) {
        guard !session[side].broken else { return }
        session[side].broken = true
        session[side].readable = true
        brokenDeadlines.append(session, now: .now)
        postpone(session)
    }

    private func keep(_ session: Session, from source: Session.Side, _ rest: UnsafeRawBufferPointer) {
        let copy = pendingBuffers.take(rest.count)
        copy.copyMemory(from: rest)
        session[source].pending = copy
        session[source].pendingRange = 0..<rest.count
        session[source].chunk = max(session[source].chunk / 2, Session.smallestChunk)
        isAhead(session, source)
    }

    /// true when nothing is pending any more.
    private func writePending(_ session: Session, from source: Session.Side) -> Bool {
        guard let pending = session[source].pending else { return true }
        let range = session[source].pendingRange
        let written = write(session, from: source, UnsafeRawBufferPointer(rebasing: pending[range]))
        session[source].pendingRange = range.dropFirst(written)
        if written > 0 { session.lastMoved = .now }
        guard written == range.count || session[source.other].broken else { return false }
        pendingBuffers.giveBack(pending)
        session[source].pending = nil
        return true
    }

    /// The source has ended in order, and all it sent has been written: end the other direction likewise (half-close).
    /// A source that has failed since is not waited for.
    private func finish(_ session: Session, from source: Session.Side) {
        if session[source].broken { return reset(session, failed: source) }
        guard !session[source].finished else { return }
        session[source].finished = true
        if !session[source.other].broken { shutdown(session[source.other].descriptor, Int32(SHUT_WR)) }
    }
}
