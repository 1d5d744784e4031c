import Foundation
import Lab

/// A program in the box that carries the traffic.
struct Relay {
    let process: ChildProcess
    /// If it is Sluice.
    var sluice: SluiceDaemon?

    /// What it has used until now; nil when it is gone.
    func use() async throws -> RelayUse? {
        let reads = try await reads()
        guard let usage = ProcessUsage(of: process.pid) else { return nil }
        return RelayUse(seconds: usage.seconds, contextSwitches: Double(usage.contextSwitches), reads: reads)
    }

    private func reads() async throws -> RelayUse.Reads? {
        struct Status: Decodable {
            let packets: RelayUse.Reads
        }
        guard let sluice else { return nil }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Status.self, from: Data(try await sluice.command("status", "--json").output.utf8))
            .packets
    }
}
