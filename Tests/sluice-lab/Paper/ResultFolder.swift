import Foundation
import Lab

/// Where an experiment's files go. Names begin with the experiment's.
struct ResultFolder: Sendable {
    let path: String

    /// Makes the folder if there is none.
    init(_ path: String) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func write(_ text: String, to file: String) throws {
        try text.write(toFile: "\(path)/\(file)", atomically: true, encoding: .utf8)
    }

    func write(_ table: CSVTable, to file: String) throws { try write(table.text, to: file) }

    func table(_ file: String) throws -> CSVTable { try CSVTable(try readFile("\(path)/\(file)"), name: file) }

    func has(_ file: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(file)") }

    /// Adds a row to a table, which is made if there is none.
    func append(_ row: [String], _ columns: [String], to file: String) throws {
        var table = has(file) ? try table(file) : CSVTable(columns)
        table.append(row)
        try write(table, to: file)
    }

    /// Removes what an earlier run of an experiment left: its files are `NAME.…` and `NAME-…`.
    func clear(_ experiment: String) throws {
        for file in directoryEntries(path) where file.hasPrefix("\(experiment).") || file.hasPrefix("\(experiment)-") {
            try FileManager.default.removeItem(atPath: "\(path)/\(file)")
        }
    }
}
