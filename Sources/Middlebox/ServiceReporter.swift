import Firewall
import LinuxSystem
import Logging
import Synchronization

/// Tells the service manager how the daemon fares, if there is one: when the rules stand, when the settings are read anew, when it stops,
/// in a line what it does; and, for its watchdog, that all threads answer.
///
/// The watchdog hears nothing as long as a thread hangs, and then ends the daemon, which the sentinel outlives. A thread is asked by a
/// message, so that what is shown is that it takes messages, and not only that it exists.
final class ServiceReporter: Sendable {
    /// A thread of the daemon.
    struct Subject: Sendable {
        let name: String
        /// Has the thread call this when its turn comes.
        let ask: @Sendable (_ answered: @escaping @Sendable () -> Void) -> Void
    }

    private struct State {
        var status = ""
        var isRefused = false
        var hanging: [String] = []
    }

    private let manager: ServiceManager?
    private let log: Logger
    private let state = Mutex(State())

    init(_ manager: ServiceManager?, log: Logger) {
        self.manager = manager
        self.log = log
    }

    /// The rules stand, or what was read anew counts, or doesn't.
    func isReady(_ status: String) { tell([.ready, .status(status)], status) }

    func isReloading() { tell([.reloading(.now), .status("reloading")]) }

    /// Stops, and may take that long to drain, and half a minute to tidy up.
    func isStopping(_ status: String, drain: Duration) {
        tell([.stopping, .extendTimeout(drain + .seconds(30)), .status(status)], status)
    }

    /// Another process goes on from here; this one is no longer listened to.
    func hasSuccessor(_ process: Int32) { tell([.mainProcess(process)]) }

    /// Still at work, though not yet at what the watchdog is fed by.
    func isAlive() {
        if manager?.watchdog != nil { tell([.alive]) }
    }

    /// Why the daemon could not start, or could not go on.
    func hasFailed(_ error: any Error) { tell([.status("\(error)")]) }

    /// Looks again and again until the task is cancelled; returns at once when nobody listens.
    ///
    /// - Parameter status: What the daemon does now.
    func run(_ subjects: [Subject], status: @Sendable () -> String) async {
        guard let manager else { return }
        let shared = Shared(Heartbeats(subjects.map(\.name), patience: Self.patience))
        let pause = manager.watchdog.map { $0 / Self.looksInTime } ?? .seconds(10)
        while !Task.isCancelled {
            for index in shared.heartbeats.withLock({ $0.look() }) {
                subjects[index].ask { shared.heartbeats.withLock { $0.answered(index) } }
            }
            try? await Task.sleep(for: pause)
            guard !Task.isCancelled else { return }
            report(hanging: shared.heartbeats.withLock(\.hanging), status(), isWatched: manager.watchdog != nil)
        }
    }

    /// How many looks there are in the time that the watchdog waits, and after how many a thread is taken to hang: half of that time,
    /// which is longer than the kernel's locks are ever held.
    static let looksInTime = 8
    static let patience = 4

    private final class Shared: Sendable {
        let heartbeats: Mutex<Heartbeats>
        init(_ heartbeats: Heartbeats) { self.heartbeats = Mutex(heartbeats) }
    }

    private func report(hanging: [String], _ status: String, isWatched: Bool) {
        let (before, told) = state.withLock { state in
            defer { state.hanging = hanging }
            return (state.hanging, state.status)
        }
        for name in hanging where !before.contains(name) {
            log.error("thread \(name) hangs: \(isWatched ? "the watchdog isn't fed any more" : "restart the daemon")")
        }
        for name in before where !hanging.contains(name) { log.notice("thread \(name) goes on") }
        let status = hanging.isEmpty ? status : "thread \(hanging.joined(separator: ", ")) hangs; \(status)"
        var notices: [ServiceManager.Notice] = []
        if isWatched, hanging.isEmpty { notices.append(.alive) }
        if status != told { notices.append(.status(status)) }
        if !notices.isEmpty { tell(notices, status) }
    }

    private func tell(_ notices: [ServiceManager.Notice], _ status: String = "") {
        guard let manager else { return }
        state.withLock { $0.status = status }
        var problem: SystemError?
        do throws(SystemError) { try manager.tell(notices) } catch { problem = error }
        let isNew = state.withLock { state in
            defer { state.isRefused = problem != nil }
            return problem != nil && !state.isRefused
        }
        if isNew, let problem { log.warning("\(problem): it doesn't learn how this service fares") }
    }
}

extension Middlebox {
    /// The threads that the daemon can't do without.
    ///
    /// - Parameter watch: nil: there is none.
    func subjects(_ watch: KernelWatch?) -> [ServiceReporter.Subject] {
        pathThreads.map { thread in .init(name: thread.name) { thread.call($0) } } + [
            .init(name: "throttle") { [throttler] in throttler.call($0) },
            .init(name: "trace") { [recorder] in recorder.call($0) },
        ] + (watch.map { watch in [.init(name: "watch") { watch.call($0) }] } ?? [])
    }

    /// What the daemon does, in a line.
    var statusLine: String {
        Self.statusLine(
            stateName, interfaces: settings.withLock(\.intercept.interfaces),
            open: converter.counters.open.load(ordering: .relaxed), reasons: healer.current.reasons)
    }

    /// - Parameters:
    ///   - state: as `sluice status` has it.
    ///   - open: sessions now.
    ///   - reasons: why it is degraded.
    static func statusLine(_ state: String, interfaces: [String], open: Int, reasons: [String]) -> String {
        let sessions = "\(open) connection\(open == 1 ? "" : "s")"
        return switch state {
        case "running": "converts on \(interfaces.joined(separator: ", ")); \(sessions)"
        case "degraded": "degraded, new connections pass: \(reasons.joined(separator: "; ")); \(sessions)"
        case "draining": "draining, new connections pass; \(sessions) left"
        default: state
        }
    }
}
