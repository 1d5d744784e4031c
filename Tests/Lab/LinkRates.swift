// How fast the links of a client are.

extension Lab {
    /// Bits per second that each of a client's links carries during `time`, headers included, towards the client or
    /// from it.
    public func rates(
        of client: Int = 0, _ direction: Direction = .towardsNode, during time: Duration
    ) async throws -> [Double] {
        let (before, start) = (try bytes(of: client, direction), ContinuousClock.now)
        try await Task.sleep(for: time)
        let (after, end) = (try bytes(of: client, direction), ContinuousClock.now)
        return zip(before, after).map { Double($1 - $0) * 8 / (end - start).inSeconds }
    }

    /// Bytes that each of a client's links has carried.
    public func bytes(of client: Int = 0, _ direction: Direction) throws -> [UInt64] {
        let counters = try interfaces(in: .client(client))
        return links(of: .client(client)).map { link in
            let counter = counters[link.nodeInterface]
            return (direction == .towardsNode ? counter?.receivedBytes : counter?.sentBytes) ?? 0
        }
    }
}
