/// A server that didn't answer a client. No property of the server alone: it, or something before it, may not answer this
/// one client.
struct Silence: Hashable, Sendable {
    /// How often in succession.
    private var times: UInt64 = 0
    /// Until when the client's SYNs to the server aren't held.
    private var end: UInt64 = 0

    private static let first: UInt64 = 60_000_000_000
    private static let longest: UInt64 = 900_000_000_000

    /// How long after its end it still counts for how long the next one lasts.
    static let memory: UInt64 = longest

    func lasts(at now: UInt64) -> Bool { now < end }

    /// The server was dialled once more, and said nothing. Returns how long it lasts now, twice as long each time: what is
    /// down for good costs a client a delay ever more rarely.
    mutating func again(at now: UInt64) -> UInt64 {
        let length = min(Self.first << min(times, 8), Self.longest)
        times += 1
        end = now &+ length
        return length
    }
}
