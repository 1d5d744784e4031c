import PacketTap
import Wire

/// Reads a filter by recursive descent. It goes down only at parentheses, and those are bounded.
///
///     any       = all { "or" all }
///     all       = negation { "and" negation }
///     negation  = { "not" } ( "(" any ")" | condition )
struct TraceFilterParser {
    private static let longest = 4096
    private static let deepest = 32

    let text: String
    let words: [TraceWord]
    private(set) var place = 0
    private var depth = 0

    init(_ text: String) throws(TraceFilterError) {
        guard text.utf8.count <= Self.longest else {
            let end = text.count
            throw TraceFilterError(
                problem: "longer than \(Self.longest) bytes", mend: "write a prefix for many addresses", text: text,
                range: end - 1..<end)
        }
        self.text = text
        words = TraceWord.split(text)
    }

    /// nil: there are no words.
    mutating func parse() throws(TraceFilterError) -> TraceExpression? {
        guard !words.isEmpty else { return nil }
        let expression = try any()
        if let word = next { throw unconnected(word) }
        return expression
    }

    var next: TraceWord? { place < words.count ? words[place] : nil }

    private mutating func take(_ kind: TraceWord.Kind) -> Bool {
        guard next?.kind == kind else { return false }
        place += 1
        return true
    }

    private mutating func any() throws(TraceFilterError) -> TraceExpression {
        var parts = [try all()]
        while take(.or) { parts.append(try all()) }
        return parts.count == 1 ? parts[0] : .or(parts)
    }

    private mutating func all() throws(TraceFilterError) -> TraceExpression {
        var parts = [try negation()]
        while take(.and) { parts.append(try negation()) }
        return parts.count == 1 ? parts[0] : .and(parts)
    }

    private mutating func negation() throws(TraceFilterError) -> TraceExpression {
        var isNegated = false
        while take(.not) { isNegated.toggle() }
        let inner = next?.kind == .open ? try group() : try condition()
        return isNegated ? .not(inner) : inner
    }

    private mutating func group() throws(TraceFilterError) -> TraceExpression {
        let open = words[place]
        guard depth < Self.deepest else {
            throw error(open, "more than \(Self.deepest) parentheses deep", mend: "take out those that aren't needed")
        }
        depth += 1
        place += 1
        let inner = try any()
        guard take(.close) else {
            throw next.map(unconnected) ?? error(open, "\"(\" is never closed", mend: "add \")\"")
        }
        depth -= 1
        return inner
    }
}

// MARK: - Conditions

extension TraceFilterParser {
    private mutating func condition() throws(TraceFilterError) -> TraceExpression {
        guard let word = next, word.kind == .plain else { throw missingCondition() }
        place += 1
        if let test = TraceVocabulary.test(word.keyword) { return .test(test) }
        switch word.keyword {
        case "client": return .test(try end(.client))
        case "server": return .test(try end(.server))
        case "host": return .test(.address(.either, try network()))
        case "port": return .test(.port(.either, try ports()))
        case "token": return .test(.token(try token()))
        case "interface": return try interface()
        case "verdict": return .test(.verdict(try choice(among: TraceVocabulary.verdicts)))
        case "from": return .test(.from(isClient: try choice(among: [("client", true), ("server", false)])))
        default: throw unknown(word)
        }
    }

    /// `client 10.1.0.0/16` or `client port 40000`.
    private mutating func end(_ end: PacketTest.End) throws(TraceFilterError) -> PacketTest {
        guard next?.keyword == "port" else { return .address(end, try network()) }
        place += 1
        return .port(end, try ports())
    }

    private mutating func network() throws(TraceFilterError) -> IPPrefix {
        let expected = "an address or prefix such as 10.1.0.0/16 or 2001:db8::/32"
        let keyword = words[place - 1].keyword
        let word = try value(expected)
        guard let prefix = IPPrefix(word.text) else {
            let isPort = TraceVocabulary.ports(word.text) != nil
            let port = keyword == "host" ? "port \(word.text)" : "\(keyword) port \(word.text)"
            throw error(
                word, "\(quoted(word.text)) is not an address or prefix",
                mend: isPort ? "write \(port) if a port is meant" : "give \(expected)")
        }
        guard prefix.address == IPAddress(word.text.prefix { $0 != "/" }) else {
            throw error(word, "\(quoted(word.text)) has bits beyond its length", mend: "write \(prefix)")
        }
        return prefix
    }

    private mutating func ports() throws(TraceFilterError) -> ClosedRange<UInt16> {
        try value("a port", "a number up to 65535, or a range such as 8000-8999", TraceVocabulary.ports)
    }

    private mutating func token() throws(TraceFilterError) -> Token {
        Token(try value("a token", "a number of 32 bits such as 0x90cd00d7", TraceVocabulary.token))
    }

    private mutating func interface() throws(TraceFilterError) -> TraceExpression {
        let place = place
        // IFNAMSIZ is 16 with the closing zero.
        let name = try value("an interface's name", "a name of up to 15 bytes such as lan0") {
            $0.utf8.count <= 15 ? $0 : nil
        }
        return .interface(name, words[place].range)
    }

    private mutating func choice<Value>(
        among choices: [(word: String, value: Value)]
    ) throws(TraceFilterError) -> Value {
        let names = choices.map(\.word)
        let expected = names.dropLast().joined(separator: ", ") + " or " + names[names.count - 1]
        let word = try value(expected)
        if let choice = choices.first(where: { $0.word == word.keyword }) { return choice.value }
        throw error(
            word, "unknown word \(quoted(word.text))", mend: didYouMean(word, among: names) ?? "give \(expected)")
    }

    private mutating func value<Value>(
        _ kind: String, _ expected: String, _ read: (String) -> Value?
    ) throws(TraceFilterError) -> Value {
        let word = try value(expected)
        if let value = read(word.text) { return value }
        throw error(word, "\(quoted(word.text)) is not \(kind)", mend: "give \(expected)")
    }

    /// The word that has to follow the last one.
    private mutating func value(_ expected: String) throws(TraceFilterError) -> TraceWord {
        guard let word = next, word.kind == .plain else {
            let keyword = words[place - 1]
            throw error(keyword, "\(quoted(keyword.text)) is incomplete", mend: "give \(expected) after it")
        }
        place += 1
        return word
    }
}
