import Handshake
import Testing
import Wire

/// What is remembered of which servers, and of which of their clients.
@Suite struct ServerDirectoryTests {
    private var directory = ServerDirectory(capacity: 100, lifetime: .seconds(600), dialTimeout: .milliseconds(900))

    private func tuple(_ family: Family, client: UInt64 = 0, clientPort: UInt16 = 1000, port: UInt16 = 80) -> FourTuple
    {
        let address = IPAddress(high: family.client.high, low: family.client.low + client)
        return FourTuple(
            client: Endpoint(address: address, port: clientPort), server: Endpoint(address: family.server, port: port))
    }

    private func timeout(_ tuple: FourTuple, at now: UInt64) -> Duration? {
        if case .dial(let plan) = directory.advice(for: tuple, at: now) { plan.timeout } else { nil }
    }

    @Test("of an unknown server nothing is known, and it is asked", arguments: Family.allCases)
    func unknown(_ family: Family) {
        let plan = DialPlan(asks: true, secondAfter: .milliseconds(250), timeout: .milliseconds(900))
        #expect(directory.advice(for: tuple(family), at: 1 * s) == .dial(plan))
        #expect(directory.knowledge(of: tuple(family).server, at: 1 * s) == nil)
    }

    @Test("silence is one client's, at one server", arguments: Family.allCases)
    mutating func silence(_ family: Family) {
        directory.learnSilence(tuple(family), at: 1 * s)
        #expect(directory.advice(for: tuple(family, clientPort: 2000), at: 2 * s) == .silent)
        #expect(timeout(tuple(family, client: 1), at: 2 * s) == .milliseconds(900))
        #expect(timeout(tuple(family, port: 81), at: 2 * s) == .milliseconds(900))
    }

    @Test("it lasts a minute, and then two", arguments: Family.allCases)
    mutating func lengths(_ family: Family) {
        directory.learnSilence(tuple(family), at: 0)
        #expect(timeout(tuple(family), at: 60 * s - 1) == nil)
        #expect(timeout(tuple(family), at: 60 * s) == .milliseconds(900))
        directory.learnSilence(tuple(family), at: 100 * s)
        #expect(timeout(tuple(family), at: 220 * s - 1) == nil)
        #expect(timeout(tuple(family), at: 220 * s) == .milliseconds(900))
    }

    /// The answer that came too late: from then on the client waits for it.
    @Test("a late answer ends it", arguments: Family.allCases)
    mutating func lateAnswer(_ family: Family) {
        directory.learnSilence(tuple(family), at: 1 * s)
        directory.learnAnswer(tuple(family), after: 1200 * ms, at: 2 * s)
        #expect(timeout(tuple(family), at: 3 * s) == .milliseconds(2050))
        #expect(timeout(tuple(family, client: 1), at: 3 * s) == .milliseconds(2050), "it is as slow for others")
        directory.learnSilence(tuple(family), at: 4 * s)
        #expect(timeout(tuple(family), at: 64 * s) != nil, "the next one is a first one again")
    }

    @Test("who speaks MPTCP is not silent", arguments: Family.allCases)
    mutating func multipath(_ family: Family) {
        directory.learnSilence(tuple(family), at: 1 * s)
        directory.learn(.speaksMultipath, of: tuple(family).server, at: 1 * s)
        #expect(directory.advice(for: tuple(family), at: 2 * s) == .speaksMultipath)
        #expect(directory.knowledge(of: tuple(family).server, at: 601 * s - 1) == .speaksMultipath)
        #expect(directory.knowledge(of: tuple(family).server, at: 601 * s) == nil, "asked again")
    }

    @Test("the oldest server is forgotten", arguments: Family.allCases)
    mutating func bound(_ family: Family) {
        for port in 1...101 as ClosedRange<UInt16> {
            directory.learn(.speaksTCP, of: tuple(family, port: port).server, at: UInt64(port))
        }
        #expect(directory.knowledge(of: tuple(family, port: 1).server, at: 1 * s) == nil)
        #expect(directory.knowledge(of: tuple(family, port: 2).server, at: 1 * s) == .speaksTCP)
    }
}
