import Glibc
import LinuxSystem
import Policy
import SystemPackage
import Wire

// How a session comes about: dialling for a held SYN, accepting the client, and bringing the two together.

extension Worker {
    func watch(_ key: ListenerTable.Key, _ descriptor: Int32) {
        do {
            try place.watch(descriptor, .readable, tag: EventTag.listener(key).bits)
            listeners[key] = descriptor
        } catch {
            shared.listeners.abandon(key, error)
            shared.log.error("can't watch the listener on port \(key.port): \(error)")
        }
    }

    /// Dials for a held SYN.
    func dial(_ request: DialRequest) {
        let session = sessions.insert(request.tuple, phase: .dialling(request.id), now: .now)
        dial(session, Way(mark: request.mark, outDevice: request.outDevice))
        guard session.phase == .dialling(request.id) else { return }
        shared.counters.synConversion.record(
            nanoseconds: MonotonicTime.now.nanoseconds(since: MonotonicTime(nanoseconds: request.received)))
        dialDeadlines.append(session, now: session.created)
    }

    private func dial(_ session: Session, _ way: Way) {
        shared.counters.dials.count()
        let asking = shared.memory.knowledge(of: session.tuple.server) == nil
        do {
            let descriptor = try shared.dialler.dial(session.tuple, asking: asking, way: way)
            session.server.descriptor = descriptor
            session.server.writable = false
            try register(session, .server)
        } catch {
            shared.counters.dialFailures.count()
            let outcome = DialOutcome(error.errno)
            if outcome == .unable, let suppressed = dialLog.pass(.now) {
                shared.log.warning("can't dial: \(error) (\(suppressed) more not logged)")
            }
            dialFailed(session, outcome)
        }
    }

    func register(_ session: Session, _ side: Session.Side) throws(SystemError) {
        try place.watch(
            session[side].descriptor, [.readable, .writable, .edgeTriggered],
            tag: EventTag.session(slot: session.slot, generation: session.generation, side).bits)
    }

    /// The upstream socket has news while it connects.
    func continueDial(_ session: Session) {
        guard session.server.writable else { return }
        if let error = StreamSocket.pendingError(session.server.descriptor) {
            shared.counters.dialFailures.count()
            return dialFailed(session, DialOutcome(error))
        }
        switch session.phase {
        case .dialling(let id):
            // The packet path has seen the server's answer before this socket did.
            if shared.memory.knowledge(of: session.tuple.server) == .speaksMultipath {
                end(session, orderly: false)
                return shared.report(id, .speaksMultipath)
            }
            session.phase = .awaitingClient
            clientDeadlines.append(session, now: .now)
            shared.report(id, .connected)
        case .awaitingServer:
            session.phase = .relaying
            relay(session)
        case .awaitingClient, .relaying, .resetting, .closing, .over: break
        }
    }

    private func dialFailed(_ session: Session, _ outcome: DialOutcome) {
        let phase = session.phase
        end(session, orderly: false)
        if case .dialling(let id) = phase { shared.report(id, outcome) }
    }

    func dialTimedOut(_ session: Session) {
        guard case .dialling = session.phase else { return }
        shared.counters.dialFailures.count()
        shared.memory.learnSilence(session.tuple)
        dialFailed(session, .silent)
    }

    func clientTimedOut(_ session: Session) {
        guard session.phase == .awaitingClient else { return }
        shared.counters.clientTimeouts.count()
        end(session, orderly: false)
    }

    /// Accepts what waits, at most a burst, and hands each connection to the worker that its 4-tuple belongs to.
    func acceptAll(_ key: ListenerTable.Key) {
        guard let listener = listeners[key] else { return }
        let group = FileGroup.set(shared.setting.groups.client)
        defer { FileGroup.set(group) }
        for _ in 0..<64 {
            do throws(SystemError) {
                let accepted = try StreamSocket.accept(listener)
                let tuple = FourTuple(client: accepted.remote, server: accepted.local)
                let descriptor = accepted.take().release()
                shared.listeners.count(key, 1)
                let owner = shared.worker(for: tuple)
                if owner == index {
                    begin(descriptor, tuple)
                } else {
                    shared.post(.accepted(descriptor, tuple), to: owner)
                }
            } catch {
                if error.errno == .connectionAbort { continue }
                if error.errno != .wouldBlock { acceptFailed(key, listener, error) }
                return
            }
        }
    }

    /// A listener stays readable while a connection waits: one that can't be taken is refused with the descriptor that
    /// is kept for this, instead of being asked for again and again.
    private func acceptFailed(_ key: ListenerTable.Key, _ listener: Int32, _ error: SystemError) {
        if let suppressed = acceptLog.pass(.now) {
            shared.log.error("listener on port \(key.port): \(error) (\(suppressed) more not logged)")
        }
        closeDescriptor(spareDescriptor)
        if let accepted = try? StreamSocket.accept(listener) { StreamSocket.abort(accepted.descriptor.rawValue) }
        spareDescriptor = Self.openSpare()
    }

    static func openSpare() -> Int32 { open("/dev/null", O_RDONLY | O_CLOEXEC) }

    /// The client has completed its handshake.
    func begin(_ descriptor: Int32, _ tuple: FourTuple) {
        let waiting = sessions.latest(tuple) { $0.phase == .awaitingClient }
        if waiting != nil { shared.pending.release(tuple.client.address) }
        let session = waiting ?? sessions.insert(tuple, phase: .awaitingServer, now: .now)
        if waiting == nil { shared.sessionBegan() }
        session.client.descriptor = descriptor
        session.hasClient = true
        session.phase = waiting == nil ? .awaitingServer : .relaying
        // The server being there already, what the client has sent waits for nobody else.
        session.client.isFresh = waiting != nil
        do {
            try register(session, .client)
        } catch {
            shared.log.error("\(tuple): \(error)")
            return end(session, orderly: false)
        }
        shared.counters.accepted.count()
        shared.accepted(tuple, MultipathInfo.token(descriptor).map { Token($0) })
        guard waiting == nil else { return relay(session) }
        // Only a packet from the outside goes on to a server: who connects to the listener's own address would make the
        // box dial itself.
        guard tuple.server.address != shared.setting.listenAddress(for: tuple.server.address), shared.hasRoom,
            let way = shared.ways.way(of: tuple)
        else { return end(session, orderly: false) }
        dial(session, way)
    }

    func retireListeners() {
        for key in listeners.keys where shared.listeners.retire(key) { listeners[key] = nil }
    }
}
