/// Where the keys of a TOML text stand, for error messages; the TOML library keeps that to itself.
///
/// The scan expects a text that the library has accepted, and knows just enough of TOML to tell keys from values:
/// table headers, dotted, bare and quoted keys, inline tables, strings and arrays over several lines, comments.
/// Escapes in quoted keys are left as they are, so that such a key is not found. A text that isn't TOML ends the scan
/// early; it always ends.
struct KeyLines {
    private var lines: [[String]: Int] = [:]
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    init(_ text: String) {
        bytes = Array(text.utf8)
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
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
            guard let key = scanKey(in: []), skip("]") else { return }
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
            guard let part = scanKeyPart() else { return nil }
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
            skipString(first)
            return position > start ? String(decoding: bytes[start..<position - 1], as: UTF8.self) : nil
        }
        let start = position
        while let next = peek, !" \t\r\n.=[]{},#\"'".unicodeScalars.contains(next) { advance() }
        return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
    }

    private mutating func skipValue(of key: [String]) -> Bool {
        skipSpaces()
        switch peek {
        case "\"", "'": skipString(peek!)
        case "[": return skipElements(until: "]") { scan in scan.skipValue(of: key) }
        case "{": return skipElements(until: "}") { scan in scan.scanPair(in: key) }
        default:
            let start = position
            while let next = peek, !",]}#\n".unicodeScalars.contains(next) { advance() }
            return position > start
        }
        return true
    }

    /// The elements of an array or inline table, brackets included.
    private mutating func skipElements(until end: Unicode.Scalar, element: (inout KeyLines) -> Bool) -> Bool {
        advance()
        while let next = skipBlank() {
            if skip(end) { return true }
            if next == "," { advance() } else if !element(&self) { return false }
        }
        return false
    }

    /// A string in either kind of quotes, single or tripled.
    private mutating func skipString(_ quote: Unicode.Scalar) {
        let tripled = starts(with: [quote, quote, quote])
        let end = tripled ? [quote, quote, quote] : [quote]
        for _ in end { advance() }
        while peek != nil, !starts(with: end) {
            if quote == "\"", peek == "\\" { advance() }
            advance()
        }
        for _ in end { advance() }
        // Up to two quotes may stand just before the closing three.
        while tripled, peek == quote { advance() }
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
        if bytes[position] == UInt8(ascii: "\n") { line += 1 }
        position += 1
    }
}
