import Firewall
import Foundation
import Glibc
import HandOver
import LinuxSystem
import Logging
import SessionLog
import Settings
import Steering
import TrafficControl

// The daemon that takes another one's place. `TakingSide` decides, and here it is done. Until the commit nothing in the kernel is
// changed, and whatever goes wrong ends the process at once: what it has are copies of descriptors that the other one has, too.

extension Middlebox {
    /// By which a program is told to take over; the channel is `ProgramStart.channel`.
    public static let takeOverFlag = "--take-over"

    /// Tells the running daemon why this program won't take over. It ends then.
    public static func refuseTakeOver(_ reason: String) {
        try? inheritedChannel().send(.refused(reason), until: .now + GivingSide.answerTime)
    }

    private static func inheritedChannel() -> HandOverChannel {
        _ = fcntl(ProgramStart.channel, F_SETFD, FD_CLOEXEC)
        return HandOverChannel(DescriptorChannel(owning: Descriptor(owning: ProgramStart.channel)))
    }

    /// Takes over all that the running daemon has, and returns when this one is at work. Doesn't return if it can't be.
    ///
    /// - Returns: what waits until the other one has ended.
    static func takeOver(
        _ settings: Settings, _ surroundings: Surroundings, prepare: (Middlebox) async throws -> Void
    ) async -> (Middlebox, Predecessor) {
        let log = surroundings.log
        let channel = inheritedChannel()
        var side = TakingSide()
        var box: Middlebox?
        var offered = ReceivedDescriptors()
        let received = ReceivedDescriptors()
        var record: [UInt8] = []
        var event = TakingSide.Event.gone
        do {
            try channel.send(.hello(HandOverRecord.version), until: .now + GivingSide.answerTime)
            event = next(channel, received)
            offered = received.takeAll()
        } catch {
            event = .failed("\(error)")
        }
        while let action = side.next(event) {
            do {
                switch action {
                case .prepare(let bytes):
                    let offer = try HandOverOffer(decoding: bytes, descriptors: offered.count)
                    let made = try Middlebox(settings, surroundings, (offer, offered))
                    box = made
                    if made.isSteering { try await made.throttler.prepareSteering() }
                    made.heed(await Firewall.trackingRules())
                    try await prepare(made)
                    // A join that comes then can be asked about. Without a directory all goes on, as ever.
                    if let cluster = made.cluster { _ = await cluster.awaitPeers(within: .seconds(1)) }
                    event = .done
                case .sayPrepared:
                    try channel.send(.prepared, until: .now + GivingSide.answerTime)
                    event = next(channel, received)
                case .keep(let bytes):
                    record += bytes
                    event = next(channel, received)
                case .adopt(let bytes):
                    record += bytes
                    let whole = try HandOverRecord(decoding: record, descriptors: received.count)
                    try box?.adopt(whole, received)
                    event = .done
                case .sayReady:
                    try channel.send(.ready, until: .now + GivingSide.answerTime)
                    event = next(channel, received)
                case .awaitClearance:
                    event = next(channel, received, within: TakingSide.clearanceTime)
                case .begin(let isSubstituted):
                    guard let box else { preconditionFailure("nothing is committed before it is prepared") }
                    box.begin(isSubstituted: isSubstituted)
                    return (box, Predecessor(channel))
                case .leave(let reason, let isTold):
                    if isTold { try? channel.send(.refused(reason), until: .now + GivingSide.answerTime) }
                    log.error("not taken over: \(reason)")
                    _exit(1)
                }
            } catch {
                event = .failed("\(error)")
            }
        }
        preconditionFailure("a hand-over ends by its commit or by its process's end")
    }

    /// The other one's patience counts: this one waits for as long as that lives.
    private static func next(
        _ channel: borrowing HandOverChannel, _ received: ReceivedDescriptors, within limit: Duration = .seconds(60)
    ) -> TakingSide.Event {
        do {
            guard let incoming = try channel.receive(until: .now + limit) else { return .gone }
            received.append(incoming.descriptors)
            return .message(incoming.message)
        } catch {
            return .failed("\(error)")
        }
    }

    /// Before the threads run.
    private func adopt(_ record: HandOverRecord, _ descriptors: ReceivedDescriptors) throws {
        let start = MonotonicTime.now
        defer { log.debug("adopted in \(MonotonicTime.now.nanoseconds(since: start) / 1000) us") }
        try converter.adopt(record, descriptors)
        var reader = RecordReader(record[.syns].bytes)
        try synInspector.adopt(from: &reader)
        try reader.finish()
        reader = RecordReader(record[.tracking].bytes)
        try watch.adopt(from: &reader)
        try reader.finish()
        reader = RecordReader(record[.orders].bytes)
        let orders = try RuntimeOrders(from: &reader)
        try reader.finish()
        runtimeOrders.withLock { $0 = orders }
        reader = RecordReader(record[.peers].bytes)
        let peers = try reader.optional { (reader) throws(RecordError) in
            try PeerRoutes.Contents(from: &reader)
        }
        try reader.finish()
        if let peers { peerRoutes?.adopt(peers) }
        inheritedMemory.withLock { $0 = record[.paths].bytes }
        let clients = converter.silencedClients
        silenced.withLock { $0 = clients }
    }

    /// All is this daemon's: it goes on with it.
    private func begin(isSubstituted: Bool) {
        sessionLog.expect(SessionTarget(initial.sessions))
        acknowledgements.adopt(Set(silenced.withLock(\.self)))
        cluster?.adopted(converter.tokens)
        for queue in dataQueues { queue.member?.begin(unanswered: 0) }
        synInspector.begin(isSubstituted: isSubstituted)
        synInspector.goOn()
        synInspector.postpone(false)
        state.withLock { $0 = .running }
        keeping?.register.arm()
        do {
            try startThreads()
        } catch {
            // There is no way back. The other one sees it, and ends as after a crash.
            log.critical("taken over, but this daemon can't begin: \(error)")
            _exit(1)
        }
    }

    /// What has to wait until the other one has ended: throttles, since their qdiscs were the other one's, and rules, which
    /// replace the other one's whole. What fails is said, and connections go on.
    ///
    /// - Returns: what tells of changes that others make.
    func settle() async -> KernelWatch? {
        acknowledgements.resume()
        sessionLog.apply(SessionTarget(initial.sessions))
        goOnSteering()
        // The file may have other peers than the daemon before.
        refreshPeerRoutes()
        do {
            try TrafficControl.removeAll()
            try await applyThrottles(settings.withLock(\.self))
            await repeatOrders()
        } catch {
            log.error("throttles are not as the file has them: \(error); mend that and reload")
        }
        do {
            try await rules.apply()
            return try await rules.watch(healer.tell)
        } catch {
            log.error("the rules could not be put in place: \(error); new connections pass. Restart")
            return nil
        }
    }

    private func goOnSteering() {
        let bytes = inheritedMemory.withLock { memory in
            defer { memory = [] }
            return memory
        }
        do {
            throttler.goOn(from: try JSONDecoder().decode(SteeringMemory.self, from: Data(bytes)))
        } catch {
            log.warning("what was known of paths is learned anew, and volumes count from what was saved last: \(error)")
        }
    }

    private func repeatOrders() async {
        for order in runtimeOrders.withLock({ $0.all }) {
            do {
                try await carryOut(order)
            } catch {
                log.warning("what was ordered about throttle \(order.name) counts no longer: \(error)")
            }
        }
    }

    /// The daemon whose place was taken.
    final class Predecessor: Sendable {
        private let channel: HandOverChannel

        init(_ channel: consuming HandOverChannel) { self.channel = channel }

        func sayBegun() { try? channel.send(.begun, until: .now + GivingSide.answerTime) }

        /// Returns when it has ended, or hasn't for long.
        func end() async {
            await withCheckedContinuation { continuation in
                let thread = try? SystemThread(named: "predecessor") { [self] in
                    let deadline = MonotonicTime.now + .seconds(10)
                    // Whatever it still says, its end is what counts.
                    while MonotonicTime.now < deadline, (try? channel.receive(until: deadline)) != nil {}
                    continuation.resume()
                }
                if thread == nil { continuation.resume() }
            }
        }
    }
}
