import Glibc
import Handshake
import LinuxSystem
import SystemPackage
import Wire

// How a session comes about: dialling for a held SYN, accepting the client, and bringing the two together.

extension Worker {
    /// Dials for a held SYN.
    func dial(_ request: DialRequest) {
        let session = sessions.insert(request.tuple, phase: .dialling(request.id), now: .now)
        session.request = request
        session.inDevice = request.way.inDevice
        dial(session, asking: request.plan.asks, request.way)
        guard session.phase == .dialling(request.id) else { return }
        shared.counters.synConversion.record(
            nanoseconds: MonotonicTime.now.nanoseconds(since: MonotonicTime(nanoseconds: request.received)))
        dialDeadlines.insert(session, at: session.created + request.plan.timeout)
        if request.plan.secondAfter < request.plan.timeout {
            secondDials.insert(session, at: session.created + request.plan.secondAfter)
        }
    }

    private func dial(_ session: Session, asking: Bool, _ way: Way) {
        shared.counters.dials.count()
        do {
            let socket = try shared.dialler.dial(session.tuple, asking: asking, way: way, routes: routes)
            session.server = Peer(socket, isConnecting: true)
            try register(session, .server)
        } catch {
            shared.counters.dialFailures.count()
            let outcome = DialOutcome(error.errno)
            if outcome == .unable || outcome == .noRoom, let suppressed = dialLog.pass(.now) {
                shared.log.warning("can't dial: \(error) (\(suppressed) more not logged)")
            }
            dialFailed(session, outcome)
        }
    }

    /// Sends a second SYN, which doesn't ask for MPTCP, from another port: the first one is lost, or something on the way
    /// drops what it doesn't know. Whichever is answered first is the upstream. Until then the second socket has the
    /// client's place in the session.
    func dialAgain(_ session: Session) {
        let client = session.tuple.client.address
        guard case .dialling = session.phase, let request = session.request, session.client == nil,
            shared.pending.admit(client)
        else { return }
        do {
            let socket = try shared.dialler.dial(session.tuple, asking: false, way: request.way, routes: routes)
            session.client = Peer(socket, isConnecting: true)
            try register(session, .client)
        } catch {
            session.client = nil
            shared.pending.release(client)
        }
    }

    /// Some firewalls reset what asks for MPTCP: whether the server itself refuses, a SYN without the question tells.
    private func dialWithoutQuestion(_ session: Session, _ side: Session.Side) -> Bool {
        guard side == .server, case .dialling(let id) = session.phase, id != Session.nobody,
            let request = session.request, request.plan.asks, !session.questionRefused,
            session.client == nil
        else { return false }
        session.questionRefused = true
        if let descriptor = session.server?.socket.rawValue { place.unwatch(descriptor) }
        session.server = nil
        dial(session, asking: false, request.way)
        return true
    }

    func register(_ session: Session, _ side: Session.Side) throws(SystemError) {
        guard let descriptor = session[side]?.socket.rawValue else { return }
        try place.watch(
            descriptor, [.readable, .writable, .edgeTriggered],
            tag: EventTag.session(slot: session.slot, generation: session.generation, side).bits)
    }

    /// A socket that connects to the server has news. `side`: that of its place in the session.
    func continueDial(_ session: Session, _ side: Session.Side) {
        guard session[side]?.isWritable == true else { return }
        if let error = session[side]?.socket.pendingError() {
            if error == .connectionRefused, dialWithoutQuestion(session, side) { return }
            shared.counters.dialFailures.count()
            return dialFailed(session, DialOutcome(error))
        }
        switch session.phase {
        case .dialling(let id): serverAnswered(session, side, id)
        case .awaitingServer:
            session.phase = .relaying
            startRelaying(session)
        case .awaitingClient, .relaying, .resetting, .closing, .over: break
        }
    }

    private func serverAnswered(_ session: Session, _ side: Session.Side, _ id: UInt64) {
        if let request = session.request {
            let start = side == .server ? session.created : session.created + request.plan.secondAfter
            shared.memory.learnAnswer(session.tuple, after: MonotonicTime.now.nanoseconds(since: start))
            // It, or something before it, has dropped or refused the SYN that asked.
            if side == .client || session.questionRefused, request.plan.asks {
                shared.memory.learn(.speaksTCP, of: session.tuple.server)
            }
        }
        guard id != Session.nobody else { return end(session, orderly: false) }
        // The packet path has seen the server's answer before this socket did.
        if shared.memory.knowledge(of: session.tuple.server) == .speaksMultipath {
            end(session, orderly: false)
            return shared.report(id, .speaksMultipath)
        }
        session.request = nil
        guard makeUpstream(session, side) else { return dialFailed(session, .unable) }
        session.phase = .awaitingClient
        clientDeadlines.append(session, now: .now)
        let size = session.server?.socket.maximumSegmentSize
        shared.report(id, .connected(maximumSegmentSize: size))
    }

    /// Makes the socket in this place the upstream; the other, if there is one, is left to itself.
    private func makeUpstream(_ session: Session, _ side: Session.Side) -> Bool {
        guard session.client != nil else { return true }
        let other = session[side.other].take()
        session.server = session[side].take()
        if let other { leaveUnanswered(other.socket, session.tuple) }
        guard side == .client, let descriptor = session.server?.socket.rawValue else { return true }
        place.unwatch(descriptor)
        do {
            try register(session, .server)
            return true
        } catch {
            shared.log.error("\(session.tuple): \(error)")
            return false
        }
    }

    /// How long an answer may take that nobody waits for.
    static let unansweredTime = Duration.seconds(3)

    /// A socket that connects to a server, and isn't needed, is reset when the server has answered. An answer to a socket that
    /// is closed would get no reset with IPv4 (net/ipv4/tcp_ipv4.c, tcp_v4_send_reset: not from an address that isn't the
    /// box's), and the server would wait for a minute. Its place in the guard's count is given back.
    private func leaveUnanswered(_ socket: consuming StreamSocket, _ tuple: FourTuple) {
        shared.pending.release(tuple.client.address)
        place.unwatch(socket.rawValue)
        shared.sessionBegan()
        let session = sessions.insert(tuple, phase: .dialling(Session.nobody), now: .now)
        session.server = Peer(socket, isConnecting: true)
        do {
            try register(session, .server)
            dialDeadlines.insert(session, at: session.created + Self.unansweredTime)
        } catch {
            end(session, orderly: false)
        }
    }

    private func dialFailed(_ session: Session, _ outcome: DialOutcome) {
        let phase = session.phase
        end(session, orderly: false)
        if case .dialling(let id) = phase, id != Session.nobody { shared.report(id, outcome) }
    }

    /// The SYN goes on. An answer that comes later still teaches how long the server is to be waited for.
    func dialTimedOut(_ session: Session) {
        guard case .dialling(let id) = session.phase else { return }
        guard id != Session.nobody else { return end(session, orderly: false) }
        shared.counters.dialFailures.count()
        shared.memory.learnSilence(session.tuple)
        for _ in 0..<session.pendingPlaces { shared.pending.release(session.tuple.client.address) }
        session.phase = .dialling(Session.nobody)
        dialDeadlines.insert(session, at: session.created + Self.unansweredTime)
        shared.report(id, .silent)
    }

    func forgo(_ tuple: FourTuple) {
        guard let session = sessions.latest(tuple, where: \.isPending) else { return }
        end(session, orderly: false)
    }

    func clientTimedOut(_ session: Session) {
        guard session.phase == .awaitingClient else { return }
        shared.counters.clientTimeouts.count()
        shared.handshakeFailed(from: session.inDevice)
        end(session, orderly: false)
    }

    func watch(_ key: ListenerTable.Key, _ number: UInt64) {
        // It may have closed before this message came.
        guard let descriptor = shared.listeners.descriptor(key, number: number) else { return }
        do {
            try place.watch(descriptor, .readable, tag: EventTag.listener(key).bits)
            review(key)
        } catch {
            shared.listeners.abandon(key, error)
            shared.log.error("can't watch the listener on port \(key.port): \(error)")
        }
    }

    /// Accepts what waits, at most a burst, and hands each connection to the worker that its 4-tuple belongs to. The listener
    /// is closed when that was all.
    func acceptAll(_ key: ListenerTable.Key) {
        guard let listener = shared.listeners.descriptor(key) else {
            listeners[key] = nil
            return
        }
        let group = FileGroup.set(shared.setting.groups.client)
        defer { FileGroup.set(group) }
        for _ in 0..<64 {
            do throws(SystemError) {
                let accepted = try StreamSocket.accept(listener)
                let tuple = FourTuple(client: accepted.remote, server: accepted.local)
                let socket = accepted.take()
                shared.listeners.end(tuple)
                let owner = shared.worker(for: tuple)
                if owner == index {
                    begin(socket, tuple)
                } else {
                    shared.post(.accepted(HandedSocket(socket), tuple), to: owner)
                }
            } catch {
                if error.errno == .connectionAbort { continue }
                if error.errno != .wouldBlock { acceptFailed(key, listener, error) }
                return review(key)
            }
        }
    }

    func reviewListeners(_ now: MonotonicTime) {
        nextReview = nil
        for (key, time) in listeners {
            if time <= now {
                // What has come in meanwhile would be reset with the listener.
                acceptAll(key)
            } else {
                nextReview = min(nextReview ?? time, time)
            }
        }
    }

    /// Closes the listener unless a handshake needs it.
    private func review(_ key: ListenerTable.Key) {
        var verdict = shared.listeners.review(key)
        if case .ask(let joins) = verdict {
            var states: [FourTuple: ListenerWindow.JoinState] = [:]
            for join in joins { states[join] = diagnostics.joinState(join) }
            shared.listeners.note(key, states)
            verdict = shared.listeners.review(key)
        }
        switch verdict {
        case .close: listeners[key] = nil
        case .wait(let time): review(key, at: time)
        // There are more of them than are asked for in one go.
        case .ask: review(key, at: .now)
        }
    }

    private func review(_ key: ListenerTable.Key, at time: MonotonicTime) {
        listeners[key] = time
        nextReview = min(nextReview ?? time, time)
    }

    /// A listener stays readable while a connection waits: one that can't be taken is refused with the descriptor that
    /// is kept for this, instead of being asked for again and again.
    private func acceptFailed(_ key: ListenerTable.Key, _ listener: Int32, _ error: SystemError) {
        if let suppressed = acceptLog.pass(.now) {
            shared.log.error("listener on port \(key.port): \(error) (\(suppressed) more not logged)")
        }
        spareDescriptor = nil
        if let accepted = try? StreamSocket.accept(listener) { accepted.socket.abort() }
        spareDescriptor = Self.openSpare()
    }

    /// nil: there are none left.
    static func openSpare() -> Descriptor? {
        let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        return descriptor < 0 ? nil : Descriptor(owning: descriptor)
    }

    /// The client has completed its handshake.
    func begin(_ socket: consuming StreamSocket, _ tuple: FourTuple) {
        let waiting = sessions.latest(tuple) { $0.phase == .awaitingClient }
        if waiting != nil { shared.pending.release(tuple.client.address) }
        let way = waiting == nil ? shared.ways.way(of: tuple) : nil
        if let interface = waiting?.inDevice ?? way?.inDevice { shared.handshakeCompleted(from: interface) }
        let session = waiting ?? sessions.insert(tuple, phase: .awaitingServer, now: .now)
        if waiting == nil { shared.sessionBegan() }
        if let way { session.inDevice = way.inDevice }
        session.client = Peer(socket)
        session.hasClient = true
        session.phase = waiting == nil ? .awaitingServer : .relaying
        // The server being there already, what the client has sent waits for nobody else.
        session.toServer.noteArrival(isFresh: waiting != nil)
        do {
            try register(session, .client)
        } catch {
            shared.log.error("\(tuple): \(error)")
            return end(session, orderly: false)
        }
        shared.counters.accepted.count()
        shared.accepted(tuple, session.token)
        guard waiting == nil else { return startRelaying(session) }
        // Only a packet from the outside goes on to a server: who connects to the listener's own address would make the
        // box dial itself.
        guard tuple.server.address != shared.setting.listenAddress(for: tuple.server.address), shared.hasRoom,
            let way
        else { return end(session, orderly: false) }
        let asking = shared.memory.knowledge(of: tuple.server) == nil
        dial(session, asking: asking, way)
    }

    /// Both sides are there. What the client has sent completes the handshake with the server; without anything that is done
    /// here, since it may be the server that speaks first.
    private func startRelaying(_ session: Session) {
        noteStart(session)
        keep(session)
        limitReceiving(fromServerOf: session)
        relay(session)
        if session.toServer.relayed == 0 { session.server?.socket.completeHandshake() }
    }
}

extension SocketDiagnostics {
    fileprivate func joinState(_ tuple: FourTuple) -> ListenerWindow.JoinState {
        switch connectionState(local: tuple.server, remote: tuple.client) {
        case .handshake: .underWay
        case .connection: .established
        case nil: .unknown
        }
    }
}
