// What a client receives over time, read from the kernel's counters while a transfer runs.

extension Lab {
    /// The state of a client, and of the box and the first server that send to it, at one moment. Counts are those since the lab was made.
    public struct TrafficSample: Sendable {
        /// Since the sampling began.
        public let time: Duration
        /// Bytes that each of the client's links has brought, headers included.
        public let bytes: [UInt64]
        /// Bytes that each meter has counted.
        public let metered: [UInt64]
        /// Kernel counters as `counters(in:)` names them.
        public let client: [String: UInt64]
        public let box: [String: UInt64]
        public let server: [String: UInt64]
        /// Memory, in bytes, of what waits at the client's MPTCP sockets (`ss -Mm`, skmem r). A client that reads all
        /// it can leaves there what is out of order. 0 unless it was asked for.
        public let waiting: UInt64
    }

    /// Looks at a client, runs `body` and looks again and again meanwhile, and once more at the end.
    public func sampling<Value: Sendable>(
        every interval: Duration, client: Int = 0, meters: [ByteMeter] = [], memory: Bool = false,
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async throws -> (value: Value, samples: [TrafficSample]) {
        let start = ContinuousClock.now
        let first = try await sample(client, meters, memory, since: start)
        let sampler = Task {
            var samples = [first]
            while true {
                try? await Task.sleep(until: start + interval * samples.count)
                if Task.isCancelled { break }
                do {
                    samples.append(try await sample(client, meters, memory, since: start))
                } catch  where Task.isCancelled {
                    break
                }
            }
            return samples
        }
        do {
            let value = try await body()
            let last = try await sample(client, meters, memory, since: start)
            sampler.cancel()
            let earlier = try await sampler.value.filter { $0.time < last.time }
            return (value, earlier + [last])
        } catch {
            sampler.cancel()
            _ = await sampler.result
            throw error
        }
    }

    private func sample(
        _ client: Int, _ meters: [ByteMeter], _ memory: Bool, since start: ContinuousClock.Instant
    ) async throws -> TrafficSample {
        let waiting = memory ? try await waitingMemory(client) : 0
        return TrafficSample(
            time: .now - start, bytes: try bytes(of: client, .towardsNode), metered: meters.map(\.bytes),
            client: try counters(in: .client(client)), box: try counters(in: .box),
            server: try counters(in: .server(0)), waiting: waiting)
    }

    private func waitingMemory(_ client: Int) async throws -> UInt64 {
        let fields = try await sockets(in: .client(client), ["-M", "-m"]).flatMap { $0.split(separator: " ") }
        return fields.reduce(0) { sum, field in
            let prefix = "skmem:(r"
            guard field.hasPrefix(prefix) else { return sum }
            return sum + (UInt64(field.dropFirst(prefix.count).prefix { $0.isNumber }) ?? 0)
        }
    }
}
