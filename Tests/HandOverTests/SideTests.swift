import Testing

@testable import HandOver

/// The daemon that is replaced: what it does next, whatever comes.
@Suite struct GivingSideTests {
    private typealias Event = GivingSide.Event
    private typealias Action = GivingSide.Action

    static let hello = GivingSide.Event.message(.hello(HandOverRecord.version))
    /// The way on which all goes well.
    static let way: [(GivingSide.Event, GivingSide.Action)] = [
        (hello, .offer), (.message(.prepared), .freezeAndTransfer), (.message(.ready), .commit),
        (.message(.begun), .leave),
    ]

    @Test func allGoesWell() {
        var side = GivingSide()
        for (event, action) in Self.way { #expect(side.next(event) == action) }
        #expect(side.next(.silence) == nil)
    }

    /// After so many steps, what comes ends it; `isFrozen`: all stands still by then.
    @Test(arguments: [(0, false), (1, false), (2, true)])
    func whateverElseComesBeforeTheCommitEndsIt(_ steps: Int, _ isFrozen: Bool) {
        let others: [(GivingSide.Event, String)] = [
            (.silence, "it didn't answer in time"), (.gone("it ended"), "it ended"),
            (.message(.refused("its file is wrong")), "its file is wrong"),
            (.message(.commit(isSubstituted: false)), "it said something that doesn't belong here"),
            (.message(.begun), "it said something that doesn't belong here"),
            (.message(.record([], isLast: true)), "it said something that doesn't belong here"),
        ]
        for (event, reason) in others {
            var side = GivingSide()
            for (event, action) in Self.way.prefix(steps) { #expect(side.next(event) == action) }
            #expect(side.next(event) == .abandon(reason, isFrozen: isFrozen), "\(event)")
            #expect(side.next(Self.hello) == nil)
            #expect(side.next(.message(.ready)) == nil)
        }
    }

    @Test func stepsInAnotherOrderEndIt() {
        for steps in 0..<3 {
            for (event, _) in Self.way where event != Self.way[steps].0 {
                var side = GivingSide()
                for (event, _) in Self.way.prefix(steps) { _ = side.next(event) }
                guard case .abandon? = side.next(event) else {
                    Issue.record("\(event) after \(steps) steps")
                    continue
                }
            }
        }
    }

    @Test func anotherVersionIsRefused() {
        var side = GivingSide()
        guard case .abandon(let reason, isFrozen: false)? = side.next(.message(.hello(7))) else {
            Issue.record("it isn't refused")
            return
        }
        #expect(reason.contains("version 7"))
    }

    /// Behind the commit there is no way back.
    @Test(arguments: [GivingSide.Event.silence, .gone("it ended"), .message(.refused("no")), .message(.ready)])
    func behindTheCommitItLeaves(_ event: GivingSide.Event) {
        var side = GivingSide()
        for (event, _) in Self.way.prefix(3) { _ = side.next(event) }
        guard case .leaveAnyway? = side.next(event) else {
            Issue.record("it doesn't leave")
            return
        }
        #expect(side.next(.message(.begun)) == nil)
    }

    @Test func aCommitThatCantBeSentHasNotBeenMade() {
        var side = GivingSide()
        for (event, _) in Self.way.prefix(3) { _ = side.next(event) }
        #expect(side.failedToCommit("broken pipe") == .abandon("broken pipe", isFrozen: true))
        #expect(side.next(.message(.begun)) == nil)
    }

    /// While all stands still an answer may take two seconds.
    @Test func patience() {
        var side = GivingSide()
        var patience = [side.patience]
        for (event, _) in Self.way.dropLast() {
            _ = side.next(event)
            patience.append(side.patience)
        }
        #expect(patience == [.seconds(5), .seconds(20), .seconds(2), .seconds(2)])
    }
}

/// The daemon that takes another one's place.
@Suite struct TakingSideTests {
    static let way: [(TakingSide.Event, TakingSide.Action)] = [
        (.message(.offer([1])), .prepare([1])), (.done, .sayPrepared),
        (.message(.record([2], isLast: false)), .keep([2])), (.message(.record([3], isLast: true)), .adopt([3])),
        (.done, .sayReady), (.message(.commit(isSubstituted: true)), .awaitClearance),
        (.message(.cleared), .begin(isSubstituted: true)),
    ]

    @Test func allGoesWell() {
        var side = TakingSide()
        for (event, action) in Self.way { #expect(side.next(event) == action) }
        #expect(side.next(.gone) == nil)
    }

    @Test(arguments: 0..<6) func whateverElseComesBeforeTheCommitEndsIt(_ steps: Int) {
        let others: [(TakingSide.Event, TakingSide.Action)] = [
            (.failed("no memory"), .leave("no memory", isTold: true)),
            (.gone, .leave("the running daemon has broken off", isTold: false)),
            (.message(.refused("no")), .leave("no", isTold: false)),
            (.message(.begun), .leave("the running daemon said something that doesn't belong here", isTold: true)),
        ]
        for (event, action) in others {
            var side = TakingSide()
            for (event, action) in Self.way.prefix(steps) { #expect(side.next(event) == action) }
            #expect(side.next(event) == action)
            #expect(side.next(.message(.commit(isSubstituted: false))) == nil, "nothing begins any more")
        }
    }

    /// Behind the commit it begins, whatever has become of the other one.
    @Test(arguments: [TakingSide.Event.gone, .failed("timed out"), .message(.refused("no")), .message(.cleared)])
    func behindTheCommitItBegins(_ event: TakingSide.Event) {
        var side = TakingSide()
        for (event, _) in Self.way.dropLast() { _ = side.next(event) }
        #expect(side.next(event) == .begin(isSubstituted: true))
    }

    @Test(arguments: 0..<5) func aCommitBeforeItsTimeBeginsNothing(_ steps: Int) {
        var side = TakingSide()
        for (event, _) in Self.way.prefix(steps) { _ = side.next(event) }
        guard case .leave? = side.next(.message(.commit(isSubstituted: false))) else {
            Issue.record("it doesn't leave after \(steps) steps")
            return
        }
    }
}
