import Wire

/// How evenly connections come to queues.
public struct QueueSpread: Sendable, Hashable {
    /// Of all connections, those of the queue that has most; 1 divided by the number of queues is the least there can be.
    public let busiest: Double
    /// Of connections with two subflows, those whose subflows are on different queues.
    public let parted: Double

    /// Each pair of a client's and a server's address has `connections`, whose second subflows come from another address.
    /// The medians of `draws` of the addresses and of the kernel's secret.
    public init(
        _ selection: QueueSelection, queues: Int, pairs: Int, connections: Int, draws: Int = 21, seed: UInt64 = 1
    ) {
        var random = SoakRandom(seed: seed, purpose: 20)
        let figures = (0..<draws).map { _ in
            Self.draw(selection, queues: queues, pairs: pairs, connections: connections, &random)
        }
        busiest = figures.map(\.busiest).sorted()[draws / 2]
        parted = figures.map(\.parted).sorted()[draws / 2]
    }

    private static func draw(
        _ selection: QueueSelection, queues: Int, pairs: Int, connections: Int, _ random: inout SoakRandom
    ) -> (busiest: Double, parted: Double) {
        let secret = UInt32.random(in: .min ... .max, using: &random)
        var counts = [Int](repeating: 0, count: queues)
        var parted = 0
        for _ in 0..<pairs {
            let addresses = (0..<3).map { _ in IPAddress(v4: .random(in: .min ... .max, using: &random)) }
            for _ in 0..<connections {
                let used = addresses[..<2].map { client in
                    let port = UInt16.random(in: 1024 ... .max, using: &random)
                    let tuple = FourTuple(
                        client: Endpoint(address: client, port: port),
                        server: Endpoint(address: addresses[2], port: 443))
                    return selection.queue(of: tuple, queues: queues, secret: secret)
                }
                counts[used[0]] += 1
                if used[0] != used[1] { parted += 1 }
            }
        }
        let all = Double(pairs * connections)
        return (Double(counts.max()!) / all, Double(parted) / all)
    }
}
