/// sluice.toml(5), from docs/configuration.md: its tables of keys become lists, which a terminal of any width can show.
///
/// Takes of Markdown what that file uses: headings, paragraphs, lists, tables, and lines that stay as they are.
func settingsPage(_ document: String, release: String) -> String {
    var page = ManualPage(
        "sluice.toml", section: 5, release: release, manual: "File Formats",
        purpose: "configuration of the sluice middlebox")
    page.heading("Description")
    for block in MarkdownBlock.blocks(of: document) {
        switch block {
        case .heading(1, _): break
        case .heading(2, let title): page.heading(title)
        case .heading(_, let title): page.subheading(title)
        case .paragraph(let text): page.paragraph(text, markdown: true)
        case .bullet(let text): page.bullet(text, markdown: true)
        case .verbatim(let lines): page.example(lines)
        case .row(let cells) where cells.count == 4:
            page.item(cells[0], "\(cells[3]) Values: \(cells[2]). Default: \(cells[1]).", markdown: true)
        case .row(let cells): page.item(cells[0], cells.dropFirst().joined(separator: "; "), markdown: true)
        }
    }
    page.heading("See also")
    page.paragraph("sluice(8)")
    return page.text
}

/// A part of a Markdown text.
enum MarkdownBlock: Equatable {
    /// Without the marks of code.
    case heading(Int, String)
    case paragraph(String)
    case bullet(String)
    case verbatim([String])
    /// Of a table, but for its head; the first cell without the marks of code.
    case row([String])

    static func blocks(of document: String) -> [MarkdownBlock] {
        var blocks: [MarkdownBlock] = []
        var lines = document.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let line = lines.popFirst() {
            if line.isEmpty { continue }
            if line.hasPrefix("```") {
                let content = lines.prefix { !$0.hasPrefix("```") }
                lines = lines.dropFirst(content.count + 1)
                blocks.append(.verbatim(content.map(String.init)))
            } else if line.hasPrefix("    ") {
                let content = [line] + lines.prefix { $0.hasPrefix("    ") }
                lines = lines.dropFirst(content.count - 1)
                blocks.append(.verbatim(content.map { String($0.dropFirst(4)) }))
            } else if let match = line.wholeMatch(of: /(#+) (.*)/) {
                blocks.append(.heading(match.1.count, String(match.2.replacing("`", with: ""))))
            } else if line.hasPrefix("|") {
                let table = [line] + lines.prefix { $0.hasPrefix("|") }
                lines = lines.dropFirst(table.count - 1)
                blocks += table.dropFirst(2).map { .row(cells(of: $0)) }
            } else {
                let isBullet = line.hasPrefix("- ")
                let more = lines.prefix { !$0.isEmpty && !["#", "|", "- ", "```"].contains(where: $0.hasPrefix) }
                lines = lines.dropFirst(more.count)
                let text = ([isBullet ? line.dropFirst(2) : line] + more).map { $0.drop { $0 == " " } }
                    .joined(separator: " ")
                blocks.append(isBullet ? .bullet(text) : .paragraph(text))
            }
        }
        return blocks
    }

    /// A bar within code stands behind a backslash.
    private static func cells(of row: Substring) -> [String] {
        let bar = "\u{1}"
        var cells = row.replacing("\\|", with: bar).split(separator: "|").map {
            $0.replacing(bar, with: "|").trimmingPrefix(while: \.isWhitespace).description
        }
        cells = cells.map { cell in
            var cell = cell
            while cell.last?.isWhitespace == true { cell.removeLast() }
            return cell
        }
        cells[0] = cells[0].replacing("`", with: "")
        return cells
    }
}
