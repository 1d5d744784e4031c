import LinuxSystem
import Synchronization
import Wire

/// What a soak's threads write down for each other: the transfers that are under way, what has been verified, what has
/// gone wrong.
final class SoakLedger: Sendable {
    enum Side: Sendable {
        case client, server
    }

    struct Totals: Sendable {
        var up: UInt64 = 0
        var down: UInt64 = 0
        var completed = 0
        var completedByMPTCP = 0
        var live = 0
        var faults = 0
    }

    private struct Entry {
        let transfer: SoakTransfer
        /// The client's address and port, by which captures and traces name the connection.
        var client: Endpoint?
        var endedAtClient = false
        var endedAtServer = false
        var hasFailed = false
    }

    private struct State {
        var entries: [UInt32: Entry] = [:]
        /// The longest stream yet, for telling a place from noise.
        var longest: UInt64 = 0
        var issued: UInt32 = 0
        var completed = 0
        var completedByMPTCP = 0
        var faults: [SoakFault] = []
        var faultCount = 0
    }

    /// Faults that are kept with their details; all are counted.
    static let keptFaults = 200

    private let state = Mutex(State())
    private let up = Atomic<UInt64>(0)
    private let down = Atomic<UInt64>(0)
    private let aborting = Atomic(false)
    private let start = MonotonicTime.now
    private let report: @Sendable (SoakFault) -> Void

    /// `report` is told of each fault at once, on the thread that finds it.
    init(report: @escaping @Sendable (SoakFault) -> Void) { self.report = report }

    var seconds: Double { Double(MonotonicTime.now.nanoseconds(since: start)) / 1e9 }

    /// Whatever happens from now on is the soak's own doing.
    func abort() { aborting.store(true, ordering: .relaxed) }
    var isAborting: Bool { aborting.load(ordering: .relaxed) }

    func begin(_ transfer: SoakTransfer) {
        state.withLock { state in
            state.entries[transfer.number] = Entry(transfer: transfer)
            state.longest = max(state.longest, transfer.up, transfer.down)
            state.issued = max(state.issued, transfer.number + 1)
        }
    }

    /// A transfer's client has a socket now.
    func connects(_ transfer: SoakTransfer, from client: Endpoint?) {
        state.withLock { $0.entries[transfer.number]?.client = client }
    }

    /// The transfer that a request names; nil when there is none of that kind.
    func transfer(_ request: SoakTransfer.Request) -> SoakTransfer? {
        state.withLock { state in
            guard let entry = UInt32(exactly: request.number).flatMap({ state.entries[$0] }),
                request == SoakTransfer.Request(entry.transfer)
            else { return nil }
            return entry.transfer
        }
    }

    /// Did this number belong to a transfer, one that has failed at its client perhaps?
    func wasIssued(_ number: UInt64) -> Bool { state.withLock { number < UInt64($0.issued) } }

    func isKnown(_ place: SoakPattern.Place) -> Bool {
        state.withLock { state in
            SoakTransfer.number(of: place.stream) < state.issued && place.offset <= state.longest
        }
    }

    func verified(_ bytes: Int, _ direction: SoakTransfer.Direction) {
        switch direction {
        case .up: up.wrappingAdd(UInt64(bytes), ordering: .relaxed)
        case .down: down.wrappingAdd(UInt64(bytes), ordering: .relaxed)
        }
    }

    /// One side of a transfer has seen its end.
    func end(_ transfer: SoakTransfer, at side: Side) {
        state.withLock { state in
            guard var entry = state.entries[transfer.number] else { return }
            if side == .client { entry.endedAtClient = true } else { entry.endedAtServer = true }
            guard entry.endedAtClient, entry.endedAtServer else {
                state.entries[transfer.number] = entry
                return
            }
            state.entries[transfer.number] = nil
            if !entry.hasFailed {
                state.completed += 1
                if transfer.transport == .mptcp { state.completedByMPTCP += 1 }
            }
        }
    }

    /// Bytes came that are wrong; the transfer goes on.
    func damaged(_ transfer: SoakTransfer, _ fault: SoakFault) {
        let client = state.withLock { state in
            state.entries[transfer.number]?.hasFailed = true
            return state.entries[transfer.number]?.client
        }
        var fault = fault
        fault.client = client.map(\.description)
        add(fault)
    }

    /// One side of a transfer has given up. Only the first of both sides' reasons counts: the other follows from it.
    func fail(_ transfer: SoakTransfer, at side: Side, _ kind: SoakFault.Kind, _ details: String) {
        guard !isAborting else { return }
        let (isFirst, client) = state.withLock { state -> (Bool, Endpoint?) in
            guard var entry = state.entries[transfer.number] else { return (false, nil) }
            let isFirst = !entry.hasFailed
            entry.hasFailed = true
            if side == .client { entry.endedAtClient = true } else { entry.endedAtServer = true }
            // The server may never have heard of a transfer that fails at its client.
            state.entries[transfer.number] = side == .client || entry.endedAtClient ? nil : entry
            return (isFirst, entry.client)
        }
        guard isFirst else { return }
        var fault = SoakFault(kind, transfer, "at the \(side), \(details)")
        fault.client = client.map(\.description)
        add(fault)
    }

    func add(_ fault: SoakFault) {
        var fault = fault
        fault.seconds = seconds
        state.withLock { state in
            state.faultCount += 1
            if state.faults.count < Self.keptFaults { state.faults.append(fault) }
        }
        report(fault)
    }

    var totals: Totals {
        let (up, down) = (up.load(ordering: .relaxed), down.load(ordering: .relaxed))
        return state.withLock { state in
            Totals(
                up: up, down: down, completed: state.completed, completedByMPTCP: state.completedByMPTCP,
                live: state.entries.count, faults: state.faultCount)
        }
    }

    var faults: [SoakFault] { state.withLock(\.faults) }
}
