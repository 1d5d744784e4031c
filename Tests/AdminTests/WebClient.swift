import Foundation

/// A client that sends what it is told to, well-formed or not. Blocks its thread.
final class WebClient {
    struct Answer {
        var status = 0
        /// Names in lower case.
        var fields: [String: String] = [:]
        var body = ""
    }

    struct Failure: Error {
        let what: String
    }

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    /// To 127.0.0.1.
    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = Self.loopback(port)
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) }
        }
        guard result == 0 else { throw Failure(what: "connect: \(errno)") }
    }

    deinit { Foundation.close(descriptor) }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    /// A port that nobody listens on just now.
    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Foundation.close(descriptor) }
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard result else { throw Failure(what: "bind: \(errno)") }
        return UInt16(bigEndian: address.sin_port)
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) { _ = Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// It sends no more.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Status line and fields.
    func head() throws -> Answer {
        let lines = try text(until: "\r\n\r\n").split(separator: "\r\n")
        var answer = Answer()
        answer.status = Int(lines.first?.split(separator: " ").dropFirst().first ?? "") ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            answer.fields[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        return answer
    }

    /// An answer to its end, which is that of the connection.
    func answer() throws -> Answer {
        var answer = try head()
        while try receive() {}
        answer.body = String(decoding: buffer, as: UTF8.self)
        return answer
    }

    func ask(_ path: String, _ fields: String = "", method: String = "GET") throws -> Answer {
        send("\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\(fields)\r\n")
        return try answer()
    }

    /// The next event of a stream, `name` and its data.
    func event() throws -> (name: String, data: String) {
        let lines = try text(until: "\n\n").split(separator: "\n")
        guard lines.count == 2, lines[0].hasPrefix("event: "), lines[1].hasPrefix("data: ") else {
            throw Failure(what: "\(lines)")
        }
        return (String(lines[0].dropFirst(7)), String(lines[1].dropFirst(6)))
    }

    private func text(until end: String) throws -> String {
        while true {
            if let range = buffer.firstRange(of: Array(end.utf8)) {
                defer { buffer.removeSubrange(..<range.upperBound) }
                return String(decoding: buffer[..<range.lowerBound], as: UTF8.self)
            }
            guard try receive() else { throw Failure(what: "the end before \(end.debugDescription)") }
        }
    }

    /// false at the end.
    private func receive() throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw Failure(what: "receive: \(errno)") }
        buffer += bytes[..<count]
        return count > 0
    }
}

/// Runs on a thread of its own: those of Swift's pool may not be blocked.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}
