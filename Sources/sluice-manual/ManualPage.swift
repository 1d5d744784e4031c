/// A page for man(1), as it grows, in the macros of man(7).
struct ManualPage {
    private(set) var text: String

    /// - Parameters:
    ///   - name: As in `name(section)`.
    ///   - purpose: One line, without a full stop: what whatis(1) shows.
    init(_ name: String, section: Int, release: String, manual: String, purpose: String) {
        text = "'\\\" t\n"
        line("TH", name.uppercased(), "\(section)", "", "Sluice \(release)", manual)
        // Long words, such as paths, are not hyphenated, and lines not stretched.
        text += ".nh\n.ad l\n"
        heading("Name")
        text += "\(Self.escaped(name)) \\- \(Self.escaped(purpose))\n"
    }

    mutating func heading(_ title: String) { line("SH", title.uppercased()) }

    mutating func subheading(_ title: String) { line("SS", title) }

    /// - Parameter text: Plain, but for marks of Markdown if `markdown` is set.
    mutating func paragraph(_ text: String, markdown: Bool = false) {
        self.text += ".PP\n\(body(text, markdown))\n"
    }

    /// A term and what it means.
    mutating func item(_ term: String, _ meaning: String, markdown: Bool = false) {
        text += ".TP\n\\fB\(Self.escaped(term))\\fR\n\(body(meaning, markdown))\n"
    }

    /// One of a list.
    mutating func bullet(_ text: String, markdown: Bool = false) {
        self.text += ".IP \\(bu 2\n\(body(text, markdown))\n"
    }

    /// Lines as they are.
    mutating func example(_ lines: [String]) {
        text += ".PP\n.RS 4\n.nf\n" + lines.map { "\(Self.guarded(Self.escaped($0)))\n" }.joined() + ".fi\n.RE\n"
    }

    private func body(_ text: String, _ markdown: Bool) -> String {
        Self.guarded(markdown ? Self.rendered(text) : Self.escaped(text))
    }

    private mutating func line(_ macro: String, _ arguments: String...) {
        let quoted = arguments.map { "\"\(Self.escaped($0).replacing("\"", with: "\\(dq"))\"" }
        text += ".\(macro) \(quoted.joined(separator: " "))\n"
    }

    /// A line that begins with a dot or an apostrophe would be a request of roff's.
    private static func guarded(_ text: String) -> String {
        text.hasPrefix(".") || text.hasPrefix("'") || text.hasPrefix("\\(aq") ? "\\&\(text)" : text
    }

    /// The characters that roff gives another meaning or look (groff_char(7)); lines are joined.
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "'": result += "\\(aq"
            case "`": result += "\\(ga"
            case "^": result += "\\(ha"
            case "~": result += "\\(ti"
            case "\n": result += " "
            case "…": result += "..."
            default: result.append(character)
            }
        }
        return result
    }

    /// As `escaped`, with `code` and **strong words** in bold, and links by their text alone.
    static func rendered(_ markdown: String) -> String {
        var (result, rest) = ("", Substring(markdown))
        while let character = rest.first {
            if !"`*[".contains(character) {
                result += escaped(String(character))
                rest.removeFirst()
            } else if let match = rest.prefixMatch(of: /`([^`]+)`|\*\*(.+?)\*\*/) {
                result += "\\fB\(escaped(String(match.1 ?? match.2 ?? "")))\\fR"
                rest = rest[match.range.upperBound...]
            } else if let match = rest.prefixMatch(of: /\[([^\]]+)\]\([^)]*\)/) {
                result += rendered(String(match.1))
                rest = rest[match.range.upperBound...]
            } else if let match = rest.prefixMatch(of: /\*([^*\s][^*]*)\*/) {
                result += "\\fI\(escaped(String(match.1)))\\fR"
                rest = rest[match.range.upperBound...]
            } else {
                result += escaped(String(character))
                rest.removeFirst()
            }
        }
        return result
    }
}
