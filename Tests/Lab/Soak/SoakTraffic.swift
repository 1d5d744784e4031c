import LinuxSystem
import Synchronization

/// Which transfer a client begins next: the schedule, held to a phase, a budget and an end.
final class SoakTraffic: Sendable {
    private struct State {
        var schedule: SoakSchedule
        var phase: SoakPhase?
        var client = 0
        /// Left of the phase, and of the soak.
        var phaseBytes: UInt64 = 0
        var bytes: UInt64
        var isOver = false
    }

    private let state: Mutex<State>
    private let ledger: SoakLedger

    init(_ plan: SoakPlan, _ ledger: SoakLedger) {
        self.ledger = ledger
        state = Mutex(State(schedule: SoakSchedule(plan), bytes: plan.bytes ?? .max))
    }

    /// The phase to come; the links are made as it wants them, and then it is entered.
    func nextPhase() -> SoakPhase { state.withLock { $0.schedule.nextPhase() } }

    func enter(_ phase: SoakPhase, client: Int) {
        state.withLock { state in
            state.phase = phase
            state.client = client
            state.phaseBytes = phase.bytes
        }
    }

    /// Has everything of the present phase begun?
    var isPhaseSpent: Bool { state.withLock { $0.isOver || $0.phaseBytes == 0 || $0.bytes == 0 } }
    /// No transfer begins any more.
    var isOver: Bool { state.withLock { $0.isOver || $0.bytes == 0 || $0.schedule.isExhausted } }

    func end() { state.withLock { $0.isOver = true } }

    func nextDisturbance() -> (calm: Duration, SoakDisturbance)? { state.withLock { $0.schedule.nextDisturbance() } }

    /// The next transfer for a client with so many under way, which is entered in the ledger; nil when it shall not begin
    /// another one now.
    func next(client: Int, live: Int) -> SoakTransfer? {
        state.withLock { state in
            guard let phase = state.phase, !state.isOver, state.client == client, live < phase.parallel,
                state.bytes > 0, state.phaseBytes > 0, !state.schedule.isExhausted
            else { return nil }
            let transfer = state.schedule.nextTransfer(phase, client: client, budget: state.bytes)
            state.bytes -= transfer.bytes
            state.phaseBytes -= min(state.phaseBytes, transfer.bytes)
            // Within the lock, so that nobody sees an end between the two.
            ledger.begin(transfer)
            return transfer
        }
    }
}
