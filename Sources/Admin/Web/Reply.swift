import Foundation

/// An answer over TCP.
struct Reply: Sendable {
    enum Body: Sendable {
        case data(Data)
        /// As they come, until the reader goes.
        case events(EventReader)
    }

    var status: Int
    /// Names and values.
    var fields: [(name: String, value: String)]
    var body: Body

    init(_ status: Int, type: String, fields: [(name: String, value: String)] = [], body: Body) {
        self.status = status
        self.fields = [("Content-Type", type)] + fields
        self.body = body
    }

    /// `{"error": "…"}`, as the control socket has it.
    static func error(_ status: Int, _ message: String, fields: [(name: String, value: String)] = []) -> Reply {
        // A string is always encoded.
        let body = try! JSONSerialization.data(withJSONObject: ["error": message], options: .withoutEscapingSlashes)
        return Reply(
            status, type: "application/json", fields: fields, body: .data(body + Data("\n".utf8)))
    }

    /// Status line and fields. Every answer is the last of its connection, is kept by no cache and is nobody else's to
    /// embed.
    var head: Data {
        var lines = ["HTTP/1.1 \(status) \(Self.phrases[status] ?? "Status")"]
        lines += fields.map { "\($0.name): \($0.value)" }
        if case .data(let data) = body { lines.append("Content-Length: \(data.count)") }
        lines += [
            "Cache-Control: no-store", "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer",
            "Cross-Origin-Resource-Policy: same-origin", "Connection: close",
        ]
        return Data((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    private static let phrases = [
        200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
        405: "Method Not Allowed", 408: "Request Timeout", 431: "Request Header Fields Too Large",
        500: "Internal Server Error", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
    ]
}
