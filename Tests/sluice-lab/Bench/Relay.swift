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
        return RelayUse(
            seconds: usage.seconds, contextSwitches: Double(usage.contextSwitches), joins: joins, reads: reads)
    }

    /// In the network namespace of the program, since that was made (proc(5), /proc/pid/net/netstat).
    private var joins: Double {
        let table = (try? String(contentsOfFile: "/proc/\(process.pid)/net/netstat", encoding: .utf8)) ?? ""
        let lines = table.split(separator: "\n").filter { $0.hasPrefix("MPTcpExt:") }.map { $0.split(separator: " ") }
        guard lines.count == 2, let column = lines[0].firstIndex(of: "MPJoinAckRx"), column < lines[1].count else {
            return 0
        }
        return Double(lines[1][column]) ?? 0
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
