/// A text with `{{name}}` in it.
struct Template {
    let text: String

    init(text: String) { self.text = text }

    init(_ bytes: [UInt8]) { text = String(decoding: bytes, as: UTF8.self) }

    /// The text with every name replaced. All names have to be known and all values wanted, so that a template and the
    /// code can't drift apart.
    func rendered(_ values: [String: String]) throws(TemplateError) -> String {
        var result = ""
        var unused = Set(values.keys)
        var rest = text[...]
        while let opening = rest.firstRange(of: "{{") {
            guard let closing = rest[opening.upperBound...].firstRange(of: "}}") else { throw .unclosed }
            let name = String(rest[opening.upperBound..<closing.lowerBound])
            guard let value = values[name] else { throw .unknown(name) }
            unused.remove(name)
            result += rest[..<opening.lowerBound] + value
            rest = rest[closing.upperBound...]
        }
        guard unused.isEmpty else { throw .unused(unused.sorted()) }
        return result + rest
    }
}

enum TemplateError: Error, Equatable {
    case unclosed
    case unknown(String)
    case unused([String])
}
