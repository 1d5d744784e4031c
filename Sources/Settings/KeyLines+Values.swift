// What the scan skips: values, strings, blanks; and its position.

extension KeyLines {
    mutating func skipBareValue() -> Bool {
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
    mutating func skipElements(until end: Unicode.Scalar, element: (inout KeyLines, Int) -> Bool) -> Bool {
        depth += 1
        defer { depth -= 1 }
        guard isShallow(depth) else { return false }
        advance()
        var count = 0
        while let next = skipBlank() {
            if skip(end) { return true }
            if next == "," {
                advance()
            } else {
                guard element(&self, count) else { return false }
                count += 1
            }
        }
        return false
    }

    /// A string in either kind of quotes, single or tripled; false when it doesn't end.
    mutating func skipString(_ quote: Unicode.Scalar) -> Bool {
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
    mutating func skipBlank() -> Unicode.Scalar? {
        while let next = peek, " \t\r\n#".unicodeScalars.contains(next) {
            if next == "#" {
                while peek != nil, peek != "\n" { advance() }
            } else {
                advance()
            }
        }
        return peek
    }

    mutating func skipSpaces() {
        while peek == " " || peek == "\t" { advance() }
    }

    mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        advance()
        return true
    }

    func starts(with scalars: [Unicode.Scalar]) -> Bool {
        bytes[position...].starts(with: scalars.map { UInt8($0.value) })
    }

    /// Bytes beyond ASCII stand for themselves: nothing that the scan looks for is among them.
    var peek: Unicode.Scalar? { position < bytes.count ? Unicode.Scalar(bytes[position]) : nil }

    mutating func advance() {
        guard position < bytes.count else { return }
        position += 1
        if bytes[position - 1] == UInt8(ascii: "\n") {
            line += 1
            lineStart = position
        }
    }

    /// Far more than any setting needs, and few enough for the stack.
    mutating func isShallow(_ depth: Int) -> Bool {
        if depth > 16 { fail("nested too deeply", "see docs/configuration.md for the keys that there are") }
        return depth <= 16
    }

    /// Notes a fault at the present position, unless there is one already.
    mutating func fail(_ problem: String, _ mend: String) {
        guard fault == nil else { return }
        let column = 1 + String(decoding: bytes[lineStart..<position], as: UTF8.self).unicodeScalars.count
        fault = Fault(line: line, column: column, problem: problem, mend: mend)
    }
}
