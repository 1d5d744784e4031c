import Admin
import SessionLog
import Settings

// Settings that are read anew: at a signal, and by order.

extension Middlebox {
    /// Reads the settings anew and takes what a reload can change, or says what that would be. Throws `ControlRefusal` when
    /// they can't be used; then they stay as they were.
    func reload(_ order: ReloadOrder) async throws(ControlRefusal) -> ReloadReport {
        let outcome = await orders.run { await reloaded(order) }
        return try outcome.get()
    }

    private func reloaded(_ order: ReloadOrder) async -> Result<ReloadReport, ControlRefusal> {
        do {
            guard order.dryRun || state.withLock({ $0 != .draining }) else {
                throw ControlRefusal(.conflict, "the daemon is stopping; new settings count when it starts again")
            }
            let new = try surroundings.reread()
            let report = ReloadReport(
                applied: !order.dryRun,
                changes: settings.withLock(\.self).changes(to: new, started: initial).map { .init($0) })
            if !order.dryRun { try await adopt(new) }
            return .success(report)
        } catch {
            if !order.dryRun { log.error("the settings stay as they were: \(error)") }
            return .failure(Self.refusal(error))
        }
    }

    private static func refusal(_ error: any Error) -> ControlRefusal {
        switch error {
        case let refusal as ControlRefusal: refusal
        case let error as SettingsError: ControlRefusal(.invalid, "\(error)")
        default: ControlRefusal(.conflict, "\(error)")
        }
    }

    private func adopt(_ new: Settings) async throws {
        try await applyThrottles(new)
        // From here on nothing fails.
        let before = settings.withLock(\.throttles)
        runtimeOrders.withLock { $0.reread(before, new.throttles) }
        settings.withLock { $0 = new }
        surroundings.adopted(new)
        await applyTrace(new.trace)
        sessionLog.apply(SessionTarget(new.sessions))
        applyPolicy()
        healer.askForTracking()
        let waiting = initial.changes(to: new, started: initial).filter { $0.need != .reload }
        // An upgrade is refused as long as there is something that takes a restart.
        if let key = waiting.first(where: { $0.need == .restart })?.key {
            log.warning("reloaded, but \(Self.place(key)) needs a restart to take effect")
        } else if let key = waiting.first?.key {
            log.warning("reloaded, but \(Self.place(key)) needs `sluice upgrade` to take effect")
        } else {
            log.notice("reloaded")
        }
    }

    /// `[relay] workers` of `relay.workers`.
    private static func place(_ key: String) -> String {
        let parts = key.split(separator: ".", maxSplits: 1)
        return "[\(parts[0])]" + (parts.count > 1 ? " \(parts[1])" : "")
    }
}

extension ReloadReport.Change {
    fileprivate init(_ change: SettingsChange) {
        self.init(key: change.key, before: change.before, after: change.after, needs: change.need.rawValue)
    }
}
