import ArgumentParser

/// How a benchmark prints its figures.
enum ReportFormat: EnumerableFlag {
    case text, markdown, json

    static func help(for value: Self) -> ArgumentHelp? {
        switch value {
        case .text: "Print tables with a line for each contender."
        case .markdown: "Print Markdown tables: a column for each contender, and Sluice's ratio to the better HAProxy."
        case .json: "Print JSON."
        }
    }
}
