/// The head of a request (RFC 9112 sections 3 and 5), of as much as the TCP address understands: no body, one request a
/// connection.
struct RequestHead: Equatable, Sendable {
    let method: String
    /// Without the query.
    let path: String
    /// Names in lower case; the values of a name that comes again are joined with a comma (RFC 9110 section 5.3).
    let fields: [String: String]

    /// Bytes of a head at most.
    static let limit = 8192

    init(method: String, path: String, fields: [String: String]) {
        self.method = method
        self.path = path
        self.fields = fields
    }

    /// What `bytes` are, as far as they have come: nil while the head may still become one.
    static func read(_ bytes: [UInt8]) throws(Refusal) -> RequestHead? {
        // TLS, HTTP/2's frames and noise are told apart by the first byte: nobody waits for the rest.
        guard bytes.first.map({ (0x41...0x5a).contains($0) }) ?? true else { throw .notHTTP }
        guard let end = bytes.firstRange(of: [13, 10, 13, 10]) else {
            if let newline = bytes.firstIndex(of: 10) { _ = try requestLine(bytes[..<newline]) }
            guard bytes.count <= limit else { throw .tooLong }
            return nil
        }
        guard end.upperBound <= limit else { throw .tooLong }
        return try RequestHead(bytes[..<end.lowerBound])
    }

    private init(_ head: ArraySlice<UInt8>) throws(Refusal) {
        var lines = head.split(separator: 10, omittingEmptySubsequences: false)
        let line = try Self.requestLine(lines.removeFirst())
        var fields: [String: String] = [:]
        for line in lines {
            let (name, value) = try Self.field(line)
            guard fields[name] == nil || name != "host" else { throw .invalid("it names its host more than once") }
            fields[name] = fields[name].map { "\($0), \(value)" } ?? value
        }
        guard line.isOld || fields["host"] != nil else { throw .invalid("it has no Host") }
        self.init(method: line.method, path: line.path, fields: fields)
    }

    private static func requestLine(
        _ line: ArraySlice<UInt8>
    ) throws(Refusal) -> (method: String, path: String, isOld: Bool) {
        let line = line.last == 13 ? line.dropLast() : line
        guard line.allSatisfy({ (0x20...0x7e).contains($0) }) else { throw .notHTTP }
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard words.count == 3, words[2].hasPrefix("HTTP/"),
            words[0].utf8.allSatisfy({ (0x41...0x5a).contains($0) })
        else { throw .notHTTP }
        guard ["HTTP/1.1", "HTTP/1.0"].contains(words[2]) else { throw .version }
        guard words[1].hasPrefix("/") else { throw .invalid("its target doesn't begin with a slash") }
        return (words[0], String(words[1].prefix { $0 != "?" }), words[2] == "HTTP/1.0")
    }

    private static func field(_ line: ArraySlice<UInt8>) throws(Refusal) -> (name: String, value: String) {
        let line = line.last == 13 ? line.dropLast() : line
        guard let colon = line.firstIndex(of: 0x3a), colon > line.startIndex,
            line[..<colon].allSatisfy(isTokenByte)
        else { throw .invalid("a line of its head is no field") }
        let value = line[line.index(after: colon)...]
        guard value.allSatisfy({ $0 == 9 || ($0 >= 0x20 && $0 != 0x7f) }) else {
            throw .invalid("a field of its head has a control character")
        }
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 9 }
        let trimmed = value.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
        return (
            String(decoding: line[..<colon], as: UTF8.self).lowercased(),
            String(decoding: Array(trimmed), as: UTF8.self)
        )
    }

    /// RFC 9110 section 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// Why bytes are no request that can be answered otherwise.
    enum Refusal: Error, Equatable {
        case notHTTP
        case invalid(String)
        case version
        case tooLong

        var reply: Reply {
            switch self {
            case .notHTTP:
                .error(400, "this is no request of HTTP/1.1; HTTPS and HTTP/2 aren't spoken here: use http://")
            case .invalid(let problem): .error(400, "the request is malformed: \(problem)")
            case .version: .error(505, "HTTP/1.1 and HTTP/1.0 are spoken here")
            case .tooLong:
                .error(
                    431, "the request's head is longer than \(RequestHead.limit) bytes; send fewer or shorter fields")
            }
        }
    }
}
