import Steering
import Testing

@testable import Throttling

private func rule(
    _ name: String, download: UInt64? = 1000, upload: UInt64? = nil, minSubflows: Int = 2
) -> ThrottleRule {
    ThrottleRule(
        name: name, interfaces: ["lan0"], minSubflows: minSubflows,
        action: .shape(.init(download: download, upload: upload), .client))
}

private let backup = ThrottleRule(name: "backup", interfaces: ["lan0"], action: .backup)

extension RuleBook {
    fileprivate init(file: [ThrottleRule]) throws {
        self.init()
        try make(.file(Rules(throttles: file)))
    }

    fileprivate var names: [String] { rules.map(\.name) }

    fileprivate func rates(of name: String) -> ThrottleRule.Rates? { rules.first { $0.name == name }?.rates }

    fileprivate var changedNames: [String] { entries.filter(\.isChanged).map(\.rule.name) }
}

/// What is done at run time.
@Suite struct RuleBookTests {
    @Test func theFilesOrderThenWhatWasAdded() throws {
        var book = RuleBook()
        #expect(book.rules == [])
        try book.make(.add(rule("x")))
        try book.make(.file(Rules(throttles: [rule("b"), rule("a")])))
        try book.make(.add(rule("c")))
        #expect(book.names == ["b", "a", "x", "c"])
        #expect(book.changedNames == ["x", "c"])
    }

    @Test func ratesAreSetOneByOne() throws {
        var book = try RuleBook(file: [rule("a", download: 1000), rule("b")])
        try book.make(.set(name: "a", download: nil, upload: 50))
        #expect(book.rates(of: "a") == .init(download: 1000, upload: 50))
        try book.make(.set(name: "a", download: 70, upload: nil))
        #expect(book.rates(of: "a") == .init(download: 70, upload: 50))
        // Nothing else, and nobody else.
        #expect(book.rules == [rule("a", download: 70, upload: 50), rule("b")])
        #expect(book.changedNames == ["a"])
    }

    @Test func ratesOfAnAddedRule() throws {
        var book = try RuleBook(file: [rule("a")])
        try book.make(.add(rule("x")))
        try book.make(.add(rule("y")))
        try book.make(.set(name: "x", download: 70, upload: nil))
        #expect(book.names == ["a", "x", "y"])
        #expect(book.rates(of: "x")?.download == 70 && book.rates(of: "y")?.download == 1000)
    }

    @Test func clear() throws {
        var book = try RuleBook(file: [rule("a"), rule("b")])
        try book.make(.add(rule("x")))
        try book.make(.set(name: "a", download: 70, upload: nil))
        try book.make(.clear(name: "a"))
        try book.make(.clear(name: "x"))
        #expect(book.rules == [rule("b")])
    }

    /// A rule of the same name takes its place behind the others, and is gone for good when it is cleared.
    @Test func aClearedNameIsFree() throws {
        var book = try RuleBook(file: [rule("a"), rule("b")])
        try book.make(.clear(name: "a"))
        try book.make(.add(rule("a", download: 5)))
        #expect(book.rules == [rule("b"), rule("a", download: 5)])
        try book.make(.set(name: "a", download: 6, upload: nil))
        #expect(book.rates(of: "a")?.download == 6)
        try book.make(.clear(name: "a"))
        #expect(book.rules == [rule("b")])
    }

    @Test func refusals() throws {
        var book = try RuleBook(file: [rule("a"), backup])
        try book.make(.add(rule("x")))
        let before = book.rules
        for (change, words) in [
            (.set(name: "z", download: 1, upload: nil), "there is no throttle z; there are a, backup, x"),
            (.clear(name: "z"), "there is no throttle z; there are a, backup, x"),
            (.add(rule("a")), "there is a throttle a already; clear it first, or change its rates by set"),
            (.add(rule("x")), "there is a throttle x already; clear it first, or change its rates by set"),
            (
                .set(name: "backup", download: 1, upload: nil),
                "throttle backup asks for backup and has no rates; clear it and add another"
            ),
        ] as [(RuleChange, String)] {
            let refusal = #expect(throws: RuleRefusal.self) { try book.make(change) }
            #expect(refusal?.description == words)
        }
        #expect(book.rules == before)
    }

    @Test func nothingToChange() {
        var book = RuleBook()
        let refusal = #expect(throws: RuleRefusal.self) { try book.make(.clear(name: "z")) }
        #expect(refusal?.description == "there is no throttle z; there is none at all")
    }

    @Test func aClearedRuleIsUnknown() throws {
        var book = try RuleBook(file: [rule("a")])
        try book.make(.clear(name: "a"))
        #expect(throws: RuleRefusal.self) { try book.make(.clear(name: "a")) }
        #expect(throws: RuleRefusal.self) { try book.make(.set(name: "a", download: 1, upload: nil)) }
    }
}

/// What of it outlives a reload of the file.
@Suite struct RuleBookReloadTests {
    /// Rates set, a rule cleared, and one added.
    private func changedBook() throws -> RuleBook {
        var book = try RuleBook(file: [rule("set"), rule("cleared"), rule("plain")])
        try book.make(.set(name: "set", download: 70, upload: nil))
        try book.make(.clear(name: "cleared"))
        try book.make(.add(rule("added")))
        return book
    }

    @Test func unchangedEntriesKeepWhatWasChanged() throws {
        var book = try changedBook()
        let before = book.rules
        try book.make(.file(Rules(throttles: [rule("set"), rule("cleared"), rule("plain")])))
        #expect(book.rules == before && book.changedNames == ["set", "added"])
        // Whatever becomes of the others.
        try book.make(.file(Rules(throttles: [rule("new"), rule("cleared"), rule("set")])))
        #expect(book.rules == [rule("new"), rule("set", download: 70), rule("added")])
    }

    @Test func changedEntriesCount() throws {
        var book = try changedBook()
        try book.make(
            .file(Rules(throttles: [rule("set", minSubflows: 3), rule("cleared", minSubflows: 3), rule("plain")])))
        #expect(
            book.rules == [rule("set", minSubflows: 3), rule("cleared", minSubflows: 3), rule("plain"), rule("added")])
        #expect(book.changedNames == ["added"])
    }

    @Test func removedEntriesAreForgotten() throws {
        var book = try changedBook()
        try book.make(.file(Rules(throttles: [rule("plain")])))
        #expect(book.rules == [rule("plain"), rule("added")])
        // They come back as the file has them.
        try book.make(.file(Rules(throttles: [rule("set"), rule("cleared"), rule("plain")])))
        #expect(book.rules == [rule("set"), rule("cleared"), rule("plain"), rule("added")])
    }

    @Test func aNewEntryTakesTheAddedRulesPlace() throws {
        var book = try changedBook()
        try book.make(.file(Rules(throttles: [rule("added", download: 9), rule("plain")])))
        #expect(book.rules == [rule("added", download: 9), rule("plain")])
        #expect(book.changedNames == [])
    }

    /// An entry that was cleared, and whose name was given to another rule.
    @Test func anAddedRuleInAClearedOnesStead() throws {
        var book = try RuleBook(file: [rule("a"), rule("b")])
        try book.make(.clear(name: "a"))
        try book.make(.add(rule("a", download: 5)))
        try book.make(.file(Rules(throttles: [rule("a"), rule("b")])))
        #expect(book.rules == [rule("b"), rule("a", download: 5)])
        try book.make(.file(Rules(throttles: [rule("a", download: 9), rule("b")])))
        #expect(book.rules == [rule("a", download: 9), rule("b")])
    }
}
