// The words of a trace's filter: how a text falls into them, and those that there are.

import Base
import PacketTap

/// A word of a filter.
struct TraceWord {
    enum Kind {
        case and, or, not, open, close
        /// All others.
        case plain
    }

    /// As it was written.
    let text: String
    /// In the filter, in characters.
    let range: Range<Int>

    /// As it is looked up.
    var keyword: String { text.lowercased() }

    var kind: Kind {
        switch keyword {
        case "and", "&&": .and
        case "or", "||": .or
        case "not", "!": .not
        case "(": .open
        case ")": .close
        default: .plain
        }
    }

    /// Blanks, parentheses and signs of operators end a word; parentheses and `!` are each a word.
    static func split(_ text: String) -> [TraceWord] {
        let characters = Array(text)
        var words: [TraceWord] = []
        var start = 0
        while start < characters.count {
            var end = start + 1
            if !characters[start].isWhitespace {
                while end < characters.count, continues(characters[end - 1], characters[end]) { end += 1 }
                words.append(TraceWord(text: String(characters[start..<end]), range: start..<end))
            }
            start = end
        }
        return words
    }

    private static func continues(_ character: Character, _ next: Character) -> Bool {
        if "&|".contains(character) { return next == character }
        return !"()!".contains(character) && !"()!&|".contains(next) && !next.isWhitespace
    }
}

/// What the words of a filter mean.
enum TraceVocabulary {
    /// Conditions of one word, in the order in which they are tried for what was meant.
    static let conditions: [(word: String, test: PacketTest)] = [
        ("mp_capable", .subtype(.capable)), ("capable", .subtype(.capable)),
        ("mp_join", .subtype(.join)), ("join", .subtype(.join)),
        ("dss", .subtype(.dataSequenceSignal)),
        ("add_addr", .subtype(.addAddress)), ("remove_addr", .subtype(.removeAddress)),
        ("mp_prio", .subtype(.priority)), ("prio", .subtype(.priority)),
        ("mp_fail", .subtype(.fail)), ("fail", .subtype(.fail)),
        ("mp_fastclose", .subtype(.fastClose)), ("fastclose", .subtype(.fastClose)),
        ("mp_tcprst", .subtype(.reset)), ("tcprst", .subtype(.reset)),
        ("syn", .flag(.syn)), ("fin", .flag(.fin)), ("rst", .flag(.rst)), ("ack", .flag(.ack)),
        ("ip", .family(isIPv4: true)), ("ip6", .family(isIPv4: false)),
        ("data", .data), ("held", .held), ("error", .malformed), ("steering", .steering),
    ]

    /// Those that something follows.
    static let keywords = ["client", "server", "host", "port", "token", "interface", "verdict", "from"]

    static let verdicts = Verdict.allCases.map { (word: "\($0.name)", value: $0) }

    /// What those who know pcap-filter(7) may write, and what to do about it.
    static let mends = [
        "src": "write client, server or from client", "dst": "write client, server or from server",
        "net": "write host, client or server", "portrange": "write port", "iface": "write interface",
        "tcp": "leave it out: a trace is of TCP anyway", "to": "write from client or from server",
        "ip4": "write ip",
    ]

    static func test(_ keyword: String) -> PacketTest? { conditions.first { $0.word == keyword }?.test }

    static func isKnown(_ keyword: String) -> Bool { keywords.contains(keyword) || test(keyword) != nil }

    /// `443` or `8000-8999`, 0 being a port.
    static func ports(_ text: String) -> ClosedRange<UInt16>? {
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { number($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last, last <= UInt16.max else {
            return nil
        }
        return UInt16(first)...UInt16(last)
    }

    /// `0x90cd00d7` or `2429354199`.
    static func token(_ text: String) -> UInt32? {
        text.lowercased().hasPrefix("0x") ? number(text.dropFirst(2), radix: 16) : number(text[...])
    }

    /// Digits only: no sign.
    private static func number(_ text: Substring, radix: Int = 10) -> UInt32? {
        text.allSatisfy { $0.isASCII && $0.isHexDigit } ? UInt32(text, radix: radix) : nil
    }
}
