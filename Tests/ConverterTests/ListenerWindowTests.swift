import LinuxSystem
import Testing
import Wire

@testable import Converter

/// For how long a redirect listener keeps its port.
@Suite struct ListenerWindowTests {
    private var window = ListenerWindow(.init(patience: .seconds(5), linger: .milliseconds(10)))
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    private func time(_ milliseconds: Int) -> MonotonicTime { start + .milliseconds(milliseconds) }

    private func tuple(_ number: Int) -> FourTuple {
        FourTuple(
            client: Endpoint(address: IPAddress("10.1.0.2")!, port: UInt16(number)), server: Endpoint("10.9.0.2:22")!)
    }

    private func isOpen(_ verdict: ListenerWindow.Verdict) -> Bool { verdict != .close }

    /// It goes with the client that it was opened for.
    @Test mutating func closesBehindTheLastClient() {
        window.begin(tuple(1), isJoin: false, at: time(0))
        window.begin(tuple(2), isJoin: false, at: time(1))
        #expect(isOpen(window.judge(at: time(2))))
        window.end(tuple(1))
        #expect(isOpen(window.judge(at: time(3))))
        window.end(tuple(2))
        #expect(window.judge(at: time(3)) == .close)
        window.begin(tuple(3), isJoin: false, at: time(100))
        #expect(isOpen(window.judge(at: time(101))))
        window.end(tuple(3))
        #expect(window.judge(at: time(101)) == .close)
    }

    /// One connection after the other, each with a listener of its own: before long one stays for the next.
    @Test func quickSuccessionOutlivesAListener() {
        var pace = HandshakePace()
        let verdicts = (1...8).map { number in
            var window = ListenerWindow(.init(patience: .seconds(5), linger: .milliseconds(10)), pace)
            window.begin(tuple(number), isJoin: false, at: time(2 * number))
            window.end(tuple(number))
            pace = window.pace
            return window.judge(at: time(2 * number + 1))
        }
        #expect(verdicts.prefix(7).allSatisfy { $0 == .close })
        #expect(verdicts[7] == .wait(until: time(16 + 10)))
        #expect(pace.isRecent(at: time(100)))
        #expect(!pace.isRecent(at: time(102)))
    }

    /// A client that never answers the SYN-ACK doesn't keep the port for ever.
    @Test mutating func patienceHasAnEnd() {
        window.begin(tuple(1), isJoin: false, at: time(0))
        #expect(isOpen(window.judge(at: time(4_900))))
        #expect(window.judge(at: time(6_000)) == .close)
        window.begin(tuple(2), isJoin: true, at: time(7_000))
        #expect(window.judge(at: time(7_100)) == .ask([tuple(2)]))
        window.note([tuple(2): .underWay], at: time(7_100))
        #expect(isOpen(window.judge(at: time(11_900))))
        #expect(window.judge(at: time(13_000)) == .close)
    }

    /// The kernel still has to meet what the packet path has seen.
    @Test mutating func aJoinThatIsSeenToBeThroughIsNotAskedFor() {
        window.begin(tuple(1), isJoin: true, at: time(0))
        window.begin(tuple(2), isJoin: true, at: time(1))
        #expect(window.judge(at: time(1)) == .wait(until: time(100)))
        window.joined(tuple(1), at: time(3))
        #expect(window.judge(at: time(20)) == .wait(until: time(101)))
        window.joined(tuple(2), at: time(30))
        window.joined(tuple(3), at: time(34))
        #expect(window.judge(at: time(34)) == .wait(until: time(130)))
        #expect(window.judge(at: time(130)) == .close)
    }

    @Test mutating func anotherJoinIsAskedForUntilItIsThrough() {
        window.begin(tuple(1), isJoin: true, at: time(0))
        #expect(window.judge(at: time(99)) == .wait(until: time(100)))
        #expect(window.judge(at: time(100)) == .ask([tuple(1)]))
        window.note([tuple(1): .underWay], at: time(100))
        #expect(window.judge(at: time(149)) == .wait(until: time(150)))
        #expect(window.judge(at: time(150)) == .ask([tuple(1)]))
        window.note([tuple(1): .established], at: time(150))
        #expect(window.judge(at: time(150)) == .close)
    }

    /// What the kernel doesn't know yet may still come; what it hasn't known for long is over.
    @Test mutating func anUnknownJoinIsGivenAMoment() {
        window.begin(tuple(1), isJoin: true, at: time(0))
        window.note([tuple(1): .unknown], at: time(5))
        #expect(isOpen(window.judge(at: time(5))))
        window.note([tuple(1): .unknown], at: time(200))
        #expect(window.judge(at: time(200)) == .close)
    }

    @Test mutating func joinsAreAskedForSomeAtATime() {
        for number in 1...100 { window.begin(tuple(number), isJoin: true, at: time(0)) }
        var asked: Set<FourTuple> = []
        var rounds = 0
        while case .ask(let joins) = window.judge(at: time(1_000)) {
            rounds += 1
            #expect(joins.count <= ListenerWindow.askedAtATime)
            #expect(asked.isDisjoint(with: joins))
            asked.formUnion(joins)
            window.note(Dictionary(uniqueKeysWithValues: joins.map { ($0, .established) }), at: time(1_000))
        }
        #expect(rounds == 4 && asked.count == 100)
        #expect(window.judge(at: time(1_000)) == .close)
    }

    /// Where a handshake follows the other it stays for a moment, asking about no join; when they become rare, it goes at once.
    @Test mutating func quickSuccessionKeepsIt() {
        for number in 0..<20 {
            window.begin(tuple(number), isJoin: number % 2 == 1, at: time(number * 5))
            window.end(tuple(number))
        }
        #expect(window.judge(at: time(95)) == .wait(until: time(105)))
        #expect(window.judge(at: time(104)) == .wait(until: time(105)))
        guard case .ask = window.judge(at: time(105)) else { return #expect(Bool(false), "it asks for the joins") }
        for number in 20..<30 {
            window.begin(tuple(number), isJoin: false, at: time(1_000 * number))
            window.end(tuple(number))
            #expect(window.judge(at: time(1_000 * number)) == .close)
        }
    }
}
