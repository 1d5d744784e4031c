import Testing
import Wire

@testable import Cluster

/// What the directory is told, and when.
@Suite struct LedgerTests {
    private static let second: UInt64 = 1_000_000_000

    private func key(_ number: UInt32) -> TokenKey {
        TokenKey(token: Token(number), server: tuple(number).server.address)
    }

    private func all(_ ledger: inout TokenLedger, at now: UInt64) -> [TokenLedger.Write] {
        var writes: [TokenLedger.Write] = []
        while let write = ledger.next(at: now) { writes.append(write) }
        return writes
    }

    @Test func aConnectionIsToldRenewedAndEnded() {
        var ledger = TokenLedger(lifetime: .seconds(30))
        #expect(ledger.nextDue == nil)
        ledger.opened(tuple(1), key(1), at: 0)
        #expect(ledger.nextDue == 0 && ledger.waiting == 1)
        #expect(all(&ledger, at: 0) == [.set(key(1))])
        #expect(ledger.nextDue == 10 * Self.second)
        #expect(all(&ledger, at: 10 * Self.second - 1) == [])
        #expect(all(&ledger, at: 10 * Self.second) == [.set(key(1))])
        #expect(all(&ledger, at: 21 * Self.second) == [.set(key(1))])
        ledger.ended(tuple(1))
        ledger.ended(tuple(1))
        #expect(all(&ledger, at: 22 * Self.second) == [.delete(key(1))])
        #expect(all(&ledger, at: 300 * Self.second) == [])
        #expect(ledger.count == 0)
    }

    @Test func whatHasNoTokenIsNotTold() {
        var ledger = TokenLedger(lifetime: .seconds(30))
        ledger.ended(tuple(1))
        #expect(all(&ledger, at: 0) == [] && ledger.waiting == 0)
    }

    @Test func portsThatAreUsedAgainHaveTheirOwnRenewal() {
        var ledger = TokenLedger(lifetime: .seconds(30))
        ledger.opened(tuple(1), key(1), at: 0)
        ledger.ended(tuple(1))
        ledger.opened(tuple(1), key(2), at: 5 * Self.second)
        #expect(all(&ledger, at: 5 * Self.second) == [.set(key(1)), .delete(key(1)), .set(key(2))])
        #expect(all(&ledger, at: 10 * Self.second) == [])
        #expect(all(&ledger, at: 15 * Self.second) == [.set(key(2))])
        // An end that was not heard of.
        ledger.opened(tuple(1), key(3), at: 16 * Self.second)
        #expect(all(&ledger, at: 16 * Self.second) == [.delete(key(2)), .set(key(3))])
    }

    @Test func aDirectoryThatIsBackIsToldAll() {
        var ledger = TokenLedger(lifetime: .seconds(30))
        for number in 0..<100 as Range<UInt32> { ledger.opened(tuple(number), key(number), at: 0) }
        _ = all(&ledger, at: 0)
        ledger.ended(tuple(7))
        ledger.opened(tuple(100), key(100), at: Self.second)
        ledger.tellAll(at: 2 * Self.second)
        let writes = all(&ledger, at: 2 * Self.second)
        #expect(writes.first == .delete(key(7)))
        #expect(writes.count == 101)
        #expect(Set(writes.dropFirst()) == Set((0...100).filter { $0 != 7 }.map { .set(key($0)) }))
        // And from then on in their time.
        #expect(all(&ledger, at: 11 * Self.second) == [])
        #expect(all(&ledger, at: 12 * Self.second).count == 100)
    }

    @Test func thereIsRoomForSoManyAndTheRestIsCounted() {
        var ledger = TokenLedger(lifetime: .seconds(30), room: 10)
        for number in 0..<12 as Range<UInt32> { ledger.opened(tuple(number), key(number), at: 0) }
        #expect(ledger.lost == 2 && ledger.waiting == 10 && ledger.count == 12)
        #expect(all(&ledger, at: 0).count == 10)
        // Late, but not never.
        #expect(all(&ledger, at: 10 * Self.second).count == 12)
    }

    /// A client that has been answered may join before it is accepted; accepting it says nothing new.
    @Test func whoIsAnsweredIsToldOfAtOnce() {
        var ledger = TokenLedger(lifetime: .seconds(600))
        ledger.announced(tuple(1), key(1), at: 0)
        ledger.announced(tuple(1), key(1), at: Self.second)
        #expect(all(&ledger, at: Self.second) == [.set(key(1))] && ledger.count == 0)
        ledger.opened(tuple(1), key(1), at: 9 * Self.second)
        #expect(all(&ledger, at: 100 * Self.second) == [] && ledger.count == 1)
        #expect(all(&ledger, at: 209 * Self.second) == [.set(key(1))])
        ledger.ended(tuple(1))
        #expect(all(&ledger, at: 209 * Self.second) == [.delete(key(1))] && ledger.count == 0)
    }

    @Test func whoDoesNotComeIsForgotten() {
        var ledger = TokenLedger(lifetime: .seconds(600))
        ledger.announced(tuple(1), key(1), at: 0)
        ledger.announced(tuple(2), key(2), at: Self.second)
        _ = all(&ledger, at: Self.second)
        #expect(ledger.nextDue == 10 * Self.second)
        #expect(all(&ledger, at: 10 * Self.second) == [.delete(key(1))])
        // Late, it is told of anew.
        ledger.opened(tuple(1), key(1), at: 10 * Self.second)
        // One that speaks no MPTCP after all.
        ledger.ended(tuple(2))
        #expect(all(&ledger, at: 11 * Self.second) == [.set(key(1)), .delete(key(2))])
        #expect(ledger.count == 1 && ledger.nextDue == 210 * Self.second)
        // As short as a lifetime may be, what is accepted in time is renewed in time.
        var short = TokenLedger(lifetime: .seconds(3))
        short.announced(tuple(1), key(1), at: 0)
        #expect(all(&short, at: Self.second) == [.set(key(1)), .delete(key(1))])
    }

    @Test func portsThatAreUsedAgainAreAnsweredAnew() {
        var ledger = TokenLedger(lifetime: .seconds(600))
        ledger.opened(tuple(1), key(1), at: 0)
        ledger.announced(tuple(1), key(2), at: 0)
        ledger.announced(tuple(1), key(3), at: 0)
        ledger.opened(tuple(1), key(3), at: 0)
        #expect(
            all(&ledger, at: Self.second)
                == [.set(key(1)), .delete(key(1)), .set(key(2)), .delete(key(2)), .set(key(3))])
        #expect(all(&ledger, at: 20 * Self.second) == [] && ledger.count == 1)
    }

    @Test func soManyMayBeUnaccepted() {
        var ledger = TokenLedger(lifetime: .seconds(600))
        let most = UInt32(TokenLedger.mostUnaccepted)
        for number in 0...most { ledger.announced(tuple(number), key(number), at: 0) }
        #expect(all(&ledger, at: 0).count == Int(most) && ledger.lost == 0)
        ledger.opened(tuple(most), key(most), at: 0)
        #expect(all(&ledger, at: 0) == [.set(key(most))])
        #expect(all(&ledger, at: 10 * Self.second).count == Int(most))
        ledger.announced(tuple(0), key(0), at: 11 * Self.second)
        #expect(all(&ledger, at: 11 * Self.second) == [.set(key(0))] && ledger.count == 1)
    }

    /// Another process of this box had them, and its renewals are due at any time.
    @Test func whatIsTakenOverIsTold() {
        var ledger = TokenLedger(lifetime: .seconds(30), room: 10)
        ledger.announced(tuple(1000), key(1000), at: 0)
        ledger.adopted((0..<100).map { (tuple($0), key($0)) }, at: Self.second)
        let writes = all(&ledger, at: Self.second)
        let expected = ([1000] + Array(0..<100)).map { TokenLedger.Write.set(key($0)) }
        #expect(writes.count == 101 && Set(writes) == Set(expected))
        #expect(ledger.count == 100 && ledger.lost == 0)
        ledger.ended(tuple(7))
        #expect(all(&ledger, at: 2 * Self.second) == [.delete(key(7))])
        // The one that hasn't come, and the others in their time.
        #expect(all(&ledger, at: 11 * Self.second).count == 100)
        #expect(all(&ledger, at: 21 * Self.second).count == 99)
    }

    /// Many clients that are answered and come leave nothing behind either.
    @Test func memoryOfAnsweredClientsIsThatOfLiveConnections() {
        var ledger = TokenLedger(lifetime: .seconds(600), room: 1 << 20)
        for number in 0..<50_000 as Range<UInt32> {
            ledger.announced(tuple(number), key(number), at: UInt64(number))
            ledger.opened(tuple(number), key(number), at: UInt64(number))
            ledger.ended(tuple(number))
            while ledger.next(at: UInt64(number)) != nil {}
        }
        #expect(ledger.count == 0 && ledger.places < 10_000)
    }

    /// Many short connections leave nothing behind.
    @Test func memoryIsThatOfLiveConnections() {
        var ledger = TokenLedger(lifetime: .seconds(30), room: 1 << 20)
        var writes = 0
        for number in 0..<100_000 as Range<UInt32> {
            ledger.opened(tuple(number), key(number), at: UInt64(number))
            ledger.ended(tuple(number))
            while ledger.next(at: UInt64(number)) != nil { writes += 1 }
        }
        #expect(writes == 200_000 && ledger.count == 0)
        #expect(ledger.places < 10_000)
    }

    @Test(
        arguments: [
            ([nil, "a", "a"], [nil, .usedOnce, .usedOnce]), (["z", "a"], [nil, .usedOnce]),
            (["z", "b", "a"], [nil, .usedTwice, .usedOnce]), ([nil, "b", "b"], [nil, .usedTwice, .usedTwice]),
            (["a", nil, "a"], [.usedOnce, nil, .usedOnce]),
        ] as [([String?], [Incarnation.News?])])
    func anIdThatIsUsedTwiceIsFound(_ former: [String?], _ news: [Incarnation.News?]) {
        var incarnation = Incarnation(nonce: 0xa)
        #expect(former.map { incarnation.wrote(former: $0.map { Array($0.utf8) }) } == news)
    }

    @Test func anotherDirectoryMayHaveOldNews() {
        var incarnation = Incarnation(nonce: 0xa)
        _ = incarnation.wrote(former: nil)
        incarnation.forget()
        #expect(incarnation.wrote(former: Array("z".utf8)) == nil)
        #expect(incarnation.wrote(former: Array("z".utf8)) == .usedTwice)
    }
}
