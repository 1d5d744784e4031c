/// Writes JSON (RFC 8259) to a buffer: the commas, quotes and escapes. What is written is sound as long as each object
/// and array that is opened is closed.
struct JSONText: ~Copyable, Sendable {
    var text = TextBuffer()
    /// Is something there already in the object or array at hand?
    private var needsComma = false

    init() {}

    mutating func key(_ name: StaticString) {
        separate()
        text.append("\"")
        text.append(name)
        text.append("\": ")
        needsComma = false
    }

    /// For names that are made of letters and underscores only.
    mutating func key(name: String) {
        separate()
        text.append("\"")
        text.append(text: name)
        text.append("\": ")
        needsComma = false
    }

    mutating func object(_ members: (inout JSONText) -> Void) { enclose("{", "}", members) }

    mutating func array(_ elements: (inout JSONText) -> Void) { enclose("[", "]", elements) }

    private mutating func enclose(_ open: StaticString, _ close: StaticString, _ body: (inout JSONText) -> Void) {
        separate()
        text.append(open)
        needsComma = false
        body(&self)
        text.append(close)
        needsComma = true
    }

    /// Ends the line that holds a whole value.
    mutating func endLine() {
        text.append("\n")
        needsComma = false
    }

    mutating func null() { value { $0.append("null") } }

    mutating func number(_ number: some FixedWidthInteger) { value { $0.append(decimal: number) } }

    mutating func bool(_ bool: Bool) { value { $0.append(bool ? "true" : "false") } }

    mutating func string(_ string: StaticString) { quoted { $0.append(string) } }

    mutating func string(_ string: String) {
        quoted { text in for byte in string.utf8 { text.append(escaped: byte) } }
    }

    mutating func string(hexadecimal value: some FixedWidthInteger & UnsignedInteger) {
        quoted {
            $0.append("0x")
            $0.append(hexadecimal: value)
        }
    }

    /// Two hexadecimal digits a byte.
    mutating func string(hexadecimal bytes: some Sequence<UInt8>) {
        quoted { text in for byte in bytes { text.append(hexadecimal: byte) } }
    }

    /// For what needs no escapes.
    mutating func quoted(_ body: (inout TextBuffer) -> Void) {
        value { text in
            text.append("\"")
            body(&text)
            text.append("\"")
        }
    }

    /// For what is a value as it is.
    mutating func value(_ body: (inout TextBuffer) -> Void) {
        separate()
        body(&text)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { text.append(", ") }
    }
}

extension TextBuffer {
    /// A byte of a JSON string (RFC 8259 section 7). UTF-8 stays what it is.
    fileprivate mutating func append(escaped byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case UInt8(ascii: "\n"): append("\\n")
        case UInt8(ascii: "\t"): append("\\t")
        case ..<0x20, 0x7f:
            append("\\u00")
            append(hexadecimal: byte)
        default: append(byte: byte)
        }
    }
}
