import Lab
import Wire

extension Lab {
    /// A rule for the wired link, from now on.
    func addThrottle(_ sluice: SluiceDaemon, _ rule: [String]) async throws {
        let result = try await sluice.command(["throttles", "add", "relieve-wired", "--interface", "wired"] + rule)
        guard result.status.isSuccess else { throw LabCommandError(description: result.errors) }
    }

    /// Downloads for so long from the server for load.
    func download(
        _ transport: PeerProtocol, client: Int = 0, from source: String?, _ meter: ByteMeter, for duration: Duration
    ) async throws {
        var plan = BulkPlan(to: endpoint(.server(0), port: LoadServer.bulkPort), transport)
        plan.duration = duration
        plan.from = source.flatMap { IPAddress($0) }.map { [$0] } ?? []
        plan.meter = meter
        let ready = plan
        let report = try await inside(.client(client)) { try ready.run() }
        guard report.failures.isEmpty else { throw LabError.transfer(report.failures) }
    }
}
