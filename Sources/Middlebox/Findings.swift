import Admin

// What the page tells of the machine.

extension Middlebox {
    /// As `sluice check` has them, of the settings that count now.
    func findingReports() async -> [FindingReport] {
        // Queues and device are told to be the daemon's by its control socket, which isn't there yet.
        while state.withLock({ $0 == .starting }), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(100)) }
        if Task.isCancelled { return [] }
        let settings = settings.withLock(\.self)
        do {
            // A task of its own isn't cancelled with this one: swift-subprocess 1.0 ends the whole process when a command is
            // cancelled while it starts.
            return try await Task { try await Middlebox.check(settings) }.value.map {
                FindingReport(
                    severity: $0.severity.rawValue, check: $0.check.rawValue, message: $0.message, mend: $0.mend)
            }
        } catch {
            return [FindingReport(severity: "error", check: "rules", message: "\(error)", mend: "run sluice check")]
        }
    }
}
