/// What is wrong with a trace's filter, and where.
public struct TraceFilterError: Error, Hashable, Sendable, CustomStringConvertible {
    public let problem: String
    /// What to do about it.
    public let mend: String
    /// The whole filter, as it was given.
    public let text: String
    /// Where in it the wrong word stands, in characters from 0.
    public let range: Range<Int>

    init(problem: String, mend: String, text: String, range: Range<Int>) {
        self.problem = problem
        self.mend = mend
        self.text = text
        self.range = range
    }

    public var message: String { "\(problem); \(mend)" }

    /// Three lines: the message and the picture.
    public var description: String { "\(message)\n\(picture)" }

    /// Two lines: the filter, or what is around the wrong word in a long one, and a mark below that word.
    public var picture: String {
        let characters = text.map(harmless)
        let window = window(in: characters.count)
        let cut = (window.lowerBound > 0 ? "…" : "", window.upperBound < characters.count ? "…" : "")
        let marked = range.clamped(to: window)
        let blanks = String(repeating: " ", count: cut.0.count + marked.lowerBound - window.lowerBound)
        let mark = "^" + String(repeating: "~", count: max(0, marked.count - 1))
        return "\(cut.0)\(String(characters[window]))\(cut.1)\n\(blanks)\(mark)"
    }

    /// What fits a terminal.
    private func window(in count: Int) -> Range<Int> {
        let width = 100
        let start = max(0, min(range.lowerBound - width / 2, count - width))
        return start..<min(count, start + width)
    }
}

/// A word in a message.
func quoted(_ word: some StringProtocol) -> String {
    let longest = 40
    return "\"\(String(word.prefix(longest).map(harmless)))\(word.count > longest ? "…" : "")\""
}

/// Blanks are one blank wide, and what a terminal might obey isn't shown.
private func harmless(_ character: Character) -> Character {
    if character.isWhitespace { return " " }
    let isObeyed = character.unicodeScalars.contains { scalar in
        [.control, .format].contains(scalar.properties.generalCategory)
    }
    return isObeyed ? "?" : character
}
