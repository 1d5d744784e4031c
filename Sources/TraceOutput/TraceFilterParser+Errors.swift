// What the parser says.

import Base
import Wire

extension TraceFilterParser {
    func error(_ word: TraceWord, _ problem: String, mend: String) -> TraceFilterError {
        TraceFilterError(problem: problem, mend: mend, text: text, range: word.range)
    }

    func didYouMean(_ word: TraceWord, among words: [String]) -> String? {
        nearest(to: word.keyword, among: words).map { "did you mean \($0)?" }
    }

    func missingCondition() -> TraceFilterError {
        let (side, word) = next.map { ("before", $0) } ?? ("after", words[place - 1])
        return error(
            word, "a condition is missing \(side) \(quoted(word.text))", mend: "give one such as port 443 or mp_join")
    }

    /// A word where an operator should be.
    func unconnected(_ word: TraceWord) -> TraceFilterError {
        if word.kind == .close { return error(word, "\")\" closes nothing", mend: "remove it, or add \"(\"") }
        if !TraceVocabulary.isKnown(word.keyword), word.kind == .plain,
            let mend = didYouMean(word, among: ["and", "or", "&&", "||"])
        {
            return error(word, "unknown word \(quoted(word.text))", mend: mend)
        }
        return error(word, "\"and\" or \"or\" is missing before \(quoted(word.text))", mend: "add one of them")
    }

    /// A word where a condition should be.
    func unknown(_ word: TraceWord) -> TraceFilterError {
        if let mend = mendForValue(word.text) {
            return error(word, "\(quoted(word.text)) says nothing by itself", mend: mend)
        }
        let known = TraceVocabulary.keywords + TraceVocabulary.conditions.map(\.word) + ["not"]
        let mend = TraceVocabulary.mends[word.keyword] ?? didYouMean(word, among: known)
        return error(
            word, "unknown word \(quoted(word.text))", mend: mend ?? "see docs/trace-filter.md for those that there are"
        )
    }

    private func mendForValue(_ text: String) -> String? {
        if TraceVocabulary.ports(text) != nil { return "write port \(text)" }
        if TraceVocabulary.token(text) != nil { return "write token \(text)" }
        return IPPrefix(text) == nil ? nil : "write host \(text), client \(text) or server \(text)"
    }
}
