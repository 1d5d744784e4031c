import Foundation
import Lab

/// What a box of a cluster says of itself (`sluice status --json`), as far as it is asked here.
struct BoxStatus: Decodable, Sendable {
    struct Cluster: Decodable, Sendable {
        struct Peer: Decodable, Sendable {
            let id: String
            let alive: Bool
        }

        struct Latency: Decodable, Sendable {
            let count: UInt64
            let p50Us: Double?
            let p99Us: Double?
            let maxUs: Double?
        }

        let error: String?
        let tokens: Int
        let lost: UInt64
        let peers: [Peer]
        let lookups: [String: UInt64]
        let lookup: Latency
    }

    let decisions: [String: UInt64]
    let cluster: Cluster?

    static func of(_ box: SluiceDaemon) async throws -> BoxStatus {
        let result = try await box.command("status", "--json")
        guard result.status.isSuccess else { throw LabError.notFound("no status: \(result.errors)") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(BoxStatus.self, from: Data(result.output.utf8))
    }
}
