import Admin
import ArgumentParser
import Glibc

/// Writes to standard error at once, whole lines at a time: several threads log.
func writeError(_ text: String) { _ = write(STDERR_FILENO, text, text.utf8.count) }

/// Each line with the program's name in front.
func printError(_ message: some CustomStringConvertible) {
    let lines = message.description.split(separator: "\n", omittingEmptySubsequences: true)
    writeError(lines.map { "sluice: \($0)\n" }.joined())
}

/// Asks the daemon; when it can't be asked, says why and ends with exit code 1.
func asking<Answer>(_ body: () async throws(ControlError) -> Answer) async throws -> Answer {
    do {
        return try await body()
    } catch {
        printError(error)
        throw Sluice.Failure.atRunTime
    }
}

/// Columns as wide as their widest cell, two blanks apart; the first row is the heading.
func table(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
        let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
        return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
}

/// `12.3M`: bytes with three digits and a decimal prefix.
func bytes(_ count: UInt64) -> String {
    var value = Double(count)
    var prefixes = ["", "k", "M", "G", "T", "P"][...]
    while value >= 999.5, prefixes.count > 1 {
        value /= 1000
        prefixes = prefixes.dropFirst()
    }
    guard let prefix = prefixes.first, !prefix.isEmpty else { return String(count) }
    let tenths = Int((value * 10).rounded())
    return (tenths < 100 ? "\(tenths / 10).\(tenths % 10)" : "\(Int(value.rounded()))") + prefix
}

/// In tc's units: whole numbers as they were given, measured ones with three digits or so.
func rate(_ bitsPerSecond: UInt64) -> String {
    let units: [(name: String, factor: UInt64)] = [
        ("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1000), ("bit", 1),
    ]
    let unit = units.first { bitsPerSecond >= $0.factor } ?? units[3]
    let tenths = (bitsPerSecond * 10 + unit.factor / 2) / unit.factor
    return tenths % 10 == 0 ? "\(tenths / 10)\(unit.name)" : "\(tenths / 10).\(tenths % 10)\(unit.name)"
}

/// `3m 5s`: a time in its two largest units.
func duration(microseconds: UInt64) -> String {
    microseconds < 1_000_000 ? "\(microseconds / 1000)ms" : duration(seconds: microseconds / 1_000_000)
}

func duration(seconds: UInt64) -> String {
    switch seconds {
    case ..<60: return "\(seconds)s"
    case ..<3600: return "\(seconds / 60)m \(seconds % 60)s"
    case ..<86400: return "\(seconds / 3600)h \(seconds % 3600 / 60)m"
    default: return "\(seconds / 86400)d \(seconds % 86400 / 3600)h"
    }
}
