/// Where the keys of a TOML text stand, for error messages; the TOML library keeps that to itself.
///
/// The scan knows just enough of TOML to tell keys from values: table headers, dotted, bare and quoted keys, inline
/// tables, strings and arrays over several lines, comments. Escapes in quoted keys are left as they are, so that such
/// a key is not found. At what it can't read the scan ends.
///
/// It also finds the faults on which toml++ 3.4 fails an assertion, and so ends the process, instead of throwing:
/// a header without a name, a missing value, a malformed date. No setting takes a date, so none is let through; nor
/// is a nesting that could exhaust the stack.
struct KeyLines {
    /// What the library must not see; in the places of a text that doesn't have it, the library is left to judge.
    struct Fault: Error {
        let line: Int
        /// From 1, in Unicode scalars, as the library counts; nil when unknown.
        let column: Int?
        let problem: String
        let mend: String
    }

    var fault: Fault?
    private var lines: [[String]: Int] = [:]
    /// Of the arrays of tables: how many tables so far.
    private var counts: [[String]: Int] = [:]
    let bytes: [UInt8]
    var position = 0
    var line = 1
    var lineStart = 0
    /// Of arrays and inline tables around the present position.
    var depth = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
            position = 3
            lineStart = 3
        }
        scan()
    }

    /// The line, from 1, on which the key or table is first named; nil when it wasn't found. The tables of an array
    /// have their numbers, from 0, as their names: `throttle.1.name`.
    subscript(path: [String]) -> Int? { lines[path] }

    private mutating func scan() {
        var table: [String] = []
        while skipBlank() != nil {
            guard skip("[") else {
                guard scanPair(in: table) else { return }
                continue
            }
            let isElement = skip("[")
            skipSpaces()
            guard let key = scanKey(in: [], isElement: isElement) else {
                return fail("not a table's name", "write it as in [relay]")
            }
            guard skip("]") else { return }
            _ = skip("]")
            table = key
        }
    }

    /// `key = value`
    private mutating func scanPair(in table: [String]) -> Bool {
        guard let key = scanKey(in: table), skip("=") else { return false }
        return skipValue(of: key)
    }

    /// A dotted key, whole and each of its leading parts noted with this line. `isElement`: it begins another table of
    /// an array; otherwise, what is below an array is in its last table.
    private mutating func scanKey(in table: [String], isElement: Bool = false) -> [String]? {
        var path = table
        repeat {
            if let count = counts[path] { path.append("\(count - 1)") }
            skipSpaces()
            guard let part = scanKeyPart(), isShallow(path.count) else { return nil }
            path.append(part)
            note(path)
            skipSpaces()
        } while skip(".")
        if isElement {
            counts[path, default: 0] += 1
            path.append("\(counts[path]! - 1)")
            note(path)
        }
        return path
    }

    private mutating func note(_ path: [String]) {
        if lines[path] == nil { lines[path] = line }
    }

    private mutating func scanKeyPart() -> String? {
        guard let first = peek else { return nil }
        if first == "\"" || first == "'" {
            let start = position + 1
            guard skipString(first) else { return nil }
            return String(decoding: bytes[start..<position - 1], as: UTF8.self)
        }
        let start = position
        while position < bytes.count, isBareKeyByte(bytes[position]) { advance() }
        return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
    }

    private mutating func skipValue(of key: [String]) -> Bool {
        skipSpaces()
        switch peek {
        case "\"", "'": return skipString(peek!)
        case "[": return skipElements(until: "]") { scan, index in scan.skipValue(of: key + ["\(index)"]) }
        case "{":
            note(key)
            return skipElements(until: "}") { scan, _ in scan.scanPair(in: key) }
        default: return skipBareValue()
        }
    }
}
