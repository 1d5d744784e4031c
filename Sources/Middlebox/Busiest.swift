import Admin
import Converter
import SharedTracking
import Tracking
import Wire

/// The connections with the most traffic, for one who looks again and again. Only these are asked of the kernel, so that a
/// look costs little however many there are.
actor Busiest {
    /// What is known of a connection without asking anybody.
    struct Candidate {
        let tuple: FourTuple
        let bytesToClient: UInt64
        let bytesToServer: UInt64

        var bytes: UInt64 { bytesToClient &+ bytesToServer }
    }

    private var before: [FourTuple: UInt64] = [:]

    /// The first `limit` by what they have moved since the last call, then by what they have moved at all.
    func choose(_ candidates: [Candidate], limit: Int) -> Set<FourTuple> {
        let ranked = candidates.map { (recent: $0.bytes &- min(before[$0.tuple] ?? 0, $0.bytes), candidate: $0) }
        before = Dictionary(candidates.map { ($0.tuple, $0.bytes) }, uniquingKeysWith: max)
        guard ranked.count > limit else { return Set(candidates.map(\.tuple)) }
        let first = ranked.sorted { ($0.recent, $0.candidate.bytes) > ($1.recent, $1.candidate.bytes) }.prefix(limit)
        return Set(first.map(\.candidate.tuple))
    }
}

extension Middlebox {
    var busiestAnswer: @Sendable (Int) async -> BusiestReport {
        let busiest = Busiest()
        return { [self] limit in await report(busiest, limit) }
    }

    private func report(_ busiest: Busiest, _ limit: Int) async -> BusiestReport {
        let converted = await converter.volumes().map {
            Busiest.Candidate(tuple: $0.tuple, bytesToClient: $0.bytesToClient, bytesToServer: $0.bytesToServer)
        }
        let forwarded = initial.intercept.inspect == .all ? watch.forwardedConnections().map { ($0, report($0)) } : []
        let candidates =
            converted
            + forwarded.map {
                Busiest.Candidate(
                    tuple: $0.0.tuple, bytesToClient: $0.1.bytesToClient, bytesToServer: $0.1.bytesToServer)
            }
        let chosen = await busiest.choose(candidates, limit: limit)
        let others = candidates.filter { !chosen.contains($0.tuple) }
        let connections =
            reports(await converter.describe(chosen)) + forwarded.filter { chosen.contains($0.0.tuple) }.map(\.1)
        return BusiestReport(
            total: candidates.count,
            connections: connections.sorted {
                $0.bytesToClient + $0.bytesToServer > $1.bytesToClient + $1.bytesToServer
            },
            otherBytesToClient: others.reduce(0) { $0 + $1.bytesToClient },
            otherBytesToServer: others.reduce(0) { $0 + $1.bytesToServer })
    }
}
