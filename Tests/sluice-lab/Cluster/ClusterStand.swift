import Lab
import LinuxSystem

/// Boxes behind a router that spreads connections over them by ECMP, a Redis server beside them, and servers.
struct ClusterStand: Sendable {
    /// Of the servers for what is carried; the load server has 5000.
    static let port: UInt16 = 5010

    let lab: Lab
    /// By their numbers; another daemon of the same box takes the place of one that was killed.
    var boxes: [SluiceDaemon]
    var redis: ChildProcess

    static func with(
        boxes count: Int, isCluster: Bool, rate: BitRate?, lookupTimeout: Duration?,
        _ body: (inout ClusterStand) async throws -> Void
    ) async throws {
        var configuration = LabConfiguration(clients: [.init(links: [.init(rate: rate), .init(rate: rate)])])
        configuration.members = count
        try await Lab.with(configuration) { lab in
            let redis = try await startRedis(lab)
            var boxes: [SluiceDaemon] = []
            for box in 0..<count {
                let more = isCluster ? lab.memberSettings(box, lookupTimeout: lookupTimeout) : ""
                boxes.append(try await lab.startSluice(in: .member(box), configuration: lab.sluiceDefaults + more))
            }
            var stand = ClusterStand(lab: lab, boxes: boxes, redis: redis)
            if isCluster { try await stand.awaitAll() }
            try await lab.serve(port: port)
            try await body(&stand)
        }
    }

    static func startRedis(_ lab: Lab) async throws -> ChildProcess {
        let redis = try lab.spawn(in: .box, RedisServer.command(port: 6379, address: Lab.directoryAddress))
        try await lab.wait(for: "the Redis server") { redis.output.contains("Ready to accept connections") }
        return redis
    }

    /// Until each box can use the directory and sees all others.
    func awaitAll() async throws {
        try await lab.wait(for: "the boxes to see each other") {
            for box in boxes {
                guard let cluster = try await BoxStatus.of(box).cluster, cluster.error == nil,
                    cluster.peers.allSatisfy(\.alive)
                else { return false }
            }
            return true
        }
    }

    /// What the Redis server answers.
    @discardableResult
    func ask(_ words: String...) async throws -> String {
        try await lab.run(in: .box, ["redis-cli", "-h", Lab.directoryAddress] + words).output
    }

    /// How many tokens the Redis server has.
    func tokens() async throws -> Int {
        try await ask("--raw", "eval", "return #redis.call('keys', 'sluice:token:*')", "0")
            .split(separator: "\n").first.flatMap { Int($0) } ?? 0
    }

    func counts() async throws -> ClusterCounts { try await ClusterCounts(lab, boxes) }
}
