import Admin
import Foundation
import Glibc
import HandOver
import LinuxSystem
import NetfilterQueue
import Steering
import Synchronization

// The daemon that is replaced. `GivingSide` decides, and here it is done: on a thread of its own, since it waits; one of the
// orders that pass one at a time, so that no rule and no throttle changes meanwhile.

extension Middlebox {
    /// Starts `program` in this daemon's place (nil: the file that this one was started from), and returns when that has taken
    /// over. This process ends soon after. Throws `UpgradeError`, and all is as before.
    func upgrade(_ program: String?) async throws -> UpgradeReport {
        let program = program ?? self.program.path
        return try await orders.run {
            let state = stateName
            guard state == "running" || state == "degraded" else { throw UpgradeError.notRunning(state) }
            log.notice("hands over to \(program)")
            let successor: Successor
            do {
                successor = try await withCheckedThrowingContinuation { continuation in
                    do {
                        _ = try SystemThread(named: "hand-over") { [self] in
                            continuation.resume(with: Result { try give(program) })
                        }
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            } catch {
                let refusal = UpgradeError.notTaken(program: program, "\(error)")
                log.error("\(refusal)")
                throw refusal
            }
            // Rules, qdiscs and all else are the new one's: nothing may be repaired or removed here any more.
            orders.seal()
            Task.detached { [self] in await leave(to: successor) }
            return successor.report
        }
    }

    /// The daemon that has taken over. It waits for this process's end, which it sees by the channel's.
    private final class Successor: Sendable {
        let report: UpgradeReport
        private let channel: HandOverChannel

        init(_ report: UpgradeReport, _ channel: consuming HandOverChannel) {
            self.report = report
            self.channel = channel
        }
    }

    private func give(_ program: String) throws -> Successor {
        let ends = try DescriptorChannel.pair()
        let channel = HandOverChannel(DescriptorChannel(owning: Descriptor(owning: ends.0)))
        let arguments = self.program.arguments.filter { $0 != Self.takeOverFlag } + [Self.takeOverFlag]
        let child = try start(program, arguments, Descriptor(owning: ends.1))
        var side = GivingSide()
        var event = next(channel, side.patience)
        while let action = side.next(event) {
            switch action {
            case .offer: event = attempt(channel, side.patience) { try offer(channel) }
            case .freezeAndTransfer:
                event = attempt(channel, side.patience) {
                    let memory = try steeringMemory()
                    guard freeze() else { throw HandOverFailure.noStandstill }
                    try transfer(channel, memory)
                }
            case .commit:
                if let failure = commit(channel) {
                    try abandon(child, side.failedToCommit(failure))
                }
                event = next(channel, side.patience)
            case .leave: return Successor(report(child), channel)
            case .leaveAnyway(let reason):
                endIfDead(child, program)
                log.error("\(program) has taken over, but doesn't say that it is at work: \(reason)")
                return Successor(report(child), channel)
            case .abandon: try abandon(child, action)
            }
        }
        throw HandOverFailure.reason("it ended")
    }

    /// Behind the commit listeners are closed, and what a successor that dies had begun to change isn't known. That is a crash, and is
    /// to look like one to whoever restarts the daemon.
    private func endIfDead(_ child: ProgramStart, _ program: String) {
        guard let how = child.ended(within: .milliseconds(100)) else { return }
        log.critical("\(program) has died while it took over (\(how)): this daemon can't go on")
        _exit(1)
    }

    private func report(_ child: ProgramStart) -> UpgradeReport {
        let stood = frozenAt.withLock { MonotonicTime.now.nanoseconds(since: $0) }
        return UpgradeReport(pid: child.pid, standstillUs: stood / 1000)
    }

    /// Only the new process has its end of the channel afterwards.
    private func start(
        _ program: String, _ arguments: [String], _ end: consuming Descriptor
    ) throws -> ProgramStart {
        let channel = end.rawValue
        let outcome = Result { () throws(SystemError) in
            try ProgramStart(program, arguments: arguments, channel: channel)
        }
        return try outcome.mapError(Self.explain).get()
    }

    private static func explain(_ error: SystemError) -> any Error {
        guard error.errno == .noSuchFileOrDirectory || error.errno == .permissionDenied else { return error }
        return HandOverFailure.reason(
            "\(error); it has to be executable, and where a service sees it (not in /tmp, /home or /root), such as beside the "
                + "program that runs")
    }

    private func abandon(_ child: ProgramStart, _ action: GivingSide.Action) throws -> Never {
        guard case .abandon(let reason, _) = action else { preconditionFailure("only what is abandoned ends here") }
        // Without the commit it touches nothing, however long it takes to end.
        thaw()
        let end = child.end()
        throw HandOverFailure.reason(end.map { "\(reason) (\($0))" } ?? reason)
    }

    private enum HandOverFailure: Error, CustomStringConvertible {
        case noStandstill
        case reason(String)

        var description: String {
            switch self {
            case .noStandstill: "this daemon's threads don't come to the end of their turns"
            case .reason(let reason): reason
            }
        }
    }

    /// Does something, and then waits for an answer.
    private func attempt(
        _ channel: borrowing HandOverChannel, _ patience: Duration, _ body: () throws -> Void
    ) -> GivingSide.Event {
        do {
            try body()
        } catch {
            return .gone("\(error)")
        }
        return next(channel, patience)
    }

    private func next(_ channel: borrowing HandOverChannel, _ patience: Duration) -> GivingSide.Event {
        do {
            guard let incoming = try channel.receive(until: .now + patience) else { return .gone("it ended") }
            return .message(incoming.message)
        } catch let error as SystemError where error.errno == .timedOut {
            return .silence
        } catch {
            return .gone("\(error)")
        }
    }

    // MARK: What is handed over

    private func offer(_ channel: borrowing HandOverChannel) throws {
        var descriptors: [Int32] = []
        let guarding = strayGuard.withLock { $0?.descriptor }
        if let guarding { descriptors.append(guarding) }
        let peers = peerRoutes?.descriptor
        if let peers { descriptors.append(peers) }
        descriptors.append(synInspector.deviceDescriptor)
        descriptors += queues.compactMap { $0.member?.descriptor }
        let offer = HandOverOffer(
            hasGuard: guarding != nil, hasPeers: peers != nil, clusterNonce: cluster?.nonce,
            dataQueues: queues.count / 2, fixed: initial.fixed(ruleSetting), steersSubflows: isSteering)
        try channel.send(.offer(offer.encoded), descriptors[...], until: .now + GivingSide.answerTime)
    }

    /// How long SYNs that are held may wait for their servers' answers before all stands still.
    private static let patienceWithServers = Duration.milliseconds(200)
    /// A turn takes milliseconds.
    private static let patienceWithThreads = Duration.seconds(1)

    /// Everything comes to a standstill at the ends of turns, with no message and no packet in anybody's hands but SYNs that have
    /// yet to be decided about. false: it doesn't, and all goes on.
    private func freeze() -> Bool {
        synInspector.postpone(true)
        let deadline = MonotonicTime.now + Self.patienceWithServers
        repeat { usleep(2000) } while counters.held.load(ordering: .relaxed) > 0 && MonotonicTime.now < deadline
        guard Gate.close(gates, within: Self.patienceWithThreads) else {
            synInspector.postpone(false)
            return false
        }
        isFrozen.store(true, ordering: .relaxed)
        frozenAt.withLock { $0 = .now }
        for inspector in dataInspectors { inspector.releaseAll() }
        // Servers that have answered meanwhile take their clients.
        drainMail()
        synInspector.letGoHeld()
        drainMail()
        // What has ended has been said.
        cluster?.rest(true)
        return true
    }

    private func drainMail() {
        while true {
            let (stream, packets) = (converter.drainMail(), synInspector.drainMail())
            if !stream, !packets { return }
        }
    }

    private func thaw() {
        guard isFrozen.exchange(false, ordering: .relaxed) else { return }
        cluster?.rest(false)
        synInspector.postpone(false)
        for gate in gates { gate.open() }
    }

    /// What the throttle thread knows, while it still works: that thread may be in a long turn. In JSON, as volumes are kept.
    private func steeringMemory() throws -> [UInt8] {
        let answer = SharedValue<SteeringMemory>()
        throttler.remember { answer.value = $0 }
        let deadline = MonotonicTime.now + Self.patienceWithThreads
        while answer.value == nil {
            guard MonotonicTime.now < deadline else { throw HandOverFailure.noStandstill }
            usleep(500)
        }
        return Array(try JSONEncoder().encode(answer.value))
    }

    private final class SharedValue<Value: Sendable>: Sendable {
        private let state = Mutex<Value?>(nil)

        var value: Value? {
            get { state.withLock(\.self) }
            set { state.withLock { $0 = newValue } }
        }
    }

    private func transfer(_ channel: borrowing HandOverChannel, _ memory: [UInt8]) throws {
        let start = MonotonicTime.now
        let (listeners, sessions, descriptors) = converter.handOver()
        var (syns, tracking, orders, peers) = (RecordWriter(), RecordWriter(), RecordWriter(), RecordWriter())
        synInspector.write(to: &syns)
        watch.write(to: &tracking)
        runtimeOrders.withLock { $0.write(to: &orders) }
        peers.write(peerRoutes?.contents) { $1.write(to: &$0) }
        let record = HandOverRecord([
            .listeners: listeners, .sessions: sessions, .syns: .init(syns.bytes), .tracking: .init(tracking.bytes),
            .orders: .init(orders.bytes), .paths: .init(memory), .peers: .init(peers.bytes),
        ])
        let written = MonotonicTime.now
        try channel.send(record, descriptors)
        let times = [start, written].map { MonotonicTime.now.nanoseconds(since: $0) / 1000 }
        let sizes = HandOverRecord.Section.allCases.map { "\($0) \(record[$0].bytes.count)" }.joined(separator: ", ")
        log.debug(
            "\(descriptors.count) descriptors, and bytes: \(sizes); written and sent in \(times[0]) us, sent in \(times[1]) us"
        )
    }

    /// The queues' sentinel is the new one's from now on. nil: done; else why it can't be told, and nothing has been done.
    private func commit(_ channel: borrowing HandOverChannel) -> String? {
        let watched = queues.compactMap(\.member)
        let isSubstituted = sentinel.withLock { $0.take() }?.dismiss(watched) ?? false
        do {
            try channel.send(.commit(isSubstituted: isSubstituted), until: .now + GivingSide.answerTime)
            converter.closeListeners()
            try? channel.send(.cleared, until: .now + GivingSide.answerTime)
            return nil
        } catch {
            // The sentinel may have taken away the queues' room, and let go what waited in them.
            for queue in dataQueues { queue.member?.begin(unanswered: 0) }
            synInspector.begin(isSubstituted: isSubstituted)
            do {
                let new = try Self.startSentinel(watched, keeping, log)
                sentinel.withLock { $0 = new }
            } catch {
                log.error(
                    "no sentinel: should this process hang or be killed, packets may be lost: \(error). Restart it")
            }
            return "\(error)"
        }
    }

    // MARK: The end

    /// Ends what the new one can't have while this one has it, tells systemd, lets the control socket's last answer go out, and
    /// ends without closing anything in order: it isn't this process's any more.
    private func leave(to successor: Successor) async -> Never {
        let report = successor.report
        // The new one waits for this end, though not for ever.
        _ = try? SystemThread(named: "end") {
            usleep(8_000_000)
            _exit(0)
        }
        surroundings.service.hasSuccessor(report.pid)
        let service = admin.withLock { $0 }
        async let answered: Void? = service?.finish(within: 2)
        await onThread(named: "leaving") { [self] in
            cluster?.stop(isOver: false)
            acknowledgements.stop()
            throttler.stop()
            volumes.finish()
            recorder.stop()
            sessionLog.stop(isOver: false)
        }
        await answered
        // Whoever told this process didn't know of the other one.
        if isToStop.load(ordering: .relaxed) {
            kill(report.pid, SIGTERM)
        } else if reloadsToCome.load(ordering: .relaxed) > 0 {
            kill(report.pid, SIGHUP)
        }
        log.notice("process \(report.pid) has taken over; all stood still for \(report.standstillUs / 1000) ms")
        withExtendedLifetime(successor) { _exit(0) }
    }

    private func onThread(named name: String, _ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            let thread = try? SystemThread(named: name) {
                body()
                continuation.resume()
            }
            if thread == nil { continuation.resume() }
        }
    }
}
