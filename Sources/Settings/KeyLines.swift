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

    private(set) var fault: Fault?
    private var lines: [[String]: Int] = [:]
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var lineStart = 0
    /// Of arrays and inline tables around the present position.
    private var depth = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) {
            position = 3
            lineStart = 3
        }
        scan()
    }

    /// The line, from 1, on which the key or table is first named; nil when it wasn't found.
    subscript(path: [String]) -> Int? { lines[path] }

    private mutating func scan() {
        var table: [String] = []
        while skipBlank() != nil {
            guard skip("[") else {
                guard scanPair(in: table) else { return }
                continue
            }
            _ = skip("[")
            skipSpaces()
            guard let key = scanKey(in: []) else { return fail("not a table's name", "write it as in [relay]") }
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

    /// A dotted key, whole and each of its leading parts noted with this line.
    private mutating func scanKey(in table: [String]) -> [String]? {
        var path = table
        repeat {
            skipSpaces()
            guard let part = scanKeyPart(), isShallow(path.count) else { return nil }
            path.append(part)
            if lines[path] == nil { lines[path] = line }
            skipSpaces()
        } while skip(".")
        return path
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
        case "[": return skipElements(until: "]") { scan in scan.skipValue(of: key) }
        case "{": return skipElements(until: "}") { scan in scan.scanPair(in: key) }
        default: return skipBareValue()
        }
    }

    private mutating func skipBareValue() -> Bool {
        let start = position
        var end = start
        while end < bytes.count, !",]}#\r\n".utf8.contains(bytes[end]) { end += 1 }
        let text = String(decoding: bytes[start..<end], as: UTF8.self)
        let isDate = text.prefixMatch(of: /[0-9]{4}-/) != nil
        guard !isDate, text.wholeMatch(of: /(true|false|[+-]?[0-9][0-9A-Za-z_.+-]*)[ \t]*/) != nil else {
            fail("not a value", "give a number, true, false, a string in quotes, or a list in brackets")
            return false
        }
        position = end
        return true
    }

    /// The elements of an array or inline table, brackets included.
    private mutating func skipElements(until end: Unicode.Scalar, element: (inout KeyLines) -> Bool) -> Bool {
        depth += 1
        defer { depth -= 1 }
        guard isShallow(depth) else { return false }
        advance()
        while let next = skipBlank() {
            if skip(end) { return true }
            if next == "," { advance() } else if !element(&self) { return false }
        }
        return false
    }

    /// A string in either kind of quotes, single or tripled; false when it doesn't end.
    private mutating func skipString(_ quote: Unicode.Scalar) -> Bool {
        let tripled = starts(with: [quote, quote, quote])
        let end = tripled ? [quote, quote, quote] : [quote]
        for _ in end { advance() }
        while !starts(with: end) {
            guard let next = peek, tripled || next != "\n" else { return false }
            if quote == "\"", next == "\\" { advance() }
            advance()
        }
        for _ in end { advance() }
        // Up to two quotes may stand just before the closing three.
        while tripled, peek == quote { advance() }
        return true
    }

    /// Skips spaces, line ends and comments; the scalar after them, or nil at the end of the text.
    private mutating func skipBlank() -> Unicode.Scalar? {
        while let next = peek, " \t\r\n#".unicodeScalars.contains(next) {
            if next == "#" {
                while peek != nil, peek != "\n" { advance() }
            } else {
                advance()
            }
        }
        return peek
    }

    private mutating func skipSpaces() {
        while peek == " " || peek == "\t" { advance() }
    }

    private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        advance()
        return true
    }

    private func starts(with scalars: [Unicode.Scalar]) -> Bool {
        bytes[position...].starts(with: scalars.map { UInt8($0.value) })
    }

    /// Bytes beyond ASCII stand for themselves: nothing that the scan looks for is among them.
    private var peek: Unicode.Scalar? { position < bytes.count ? Unicode.Scalar(bytes[position]) : nil }

    private mutating func advance() {
        guard position < bytes.count else { return }
        position += 1
        if bytes[position - 1] == UInt8(ascii: "\n") {
            line += 1
            lineStart = position
        }
    }

    /// Far more than any setting needs, and few enough for the stack.
    private mutating func isShallow(_ depth: Int) -> Bool {
        if depth > 16 { fail("nested too deeply", "see docs/configuration.md for the keys that there are") }
        return depth <= 16
    }

    /// Notes a fault at the present position, unless there is one already.
    private mutating func fail(_ problem: String, _ mend: String) {
        guard fault == nil else { return }
        let column = 1 + String(decoding: bytes[lineStart..<position], as: UTF8.self).unicodeScalars.count
        fault = Fault(line: line, column: column, problem: problem, mend: mend)
    }
}

/// Bytes of keys that need no quotes.
func isBareKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    default: false
    }
}
