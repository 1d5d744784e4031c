import FlyingSocks
import Foundation

extension ControlClient {
    /// Begins a trace and hands its bytes to `body` as they come; `began` is told its number before. Returns when the
    /// daemon has ended it, or has itself ended.
    ///
    /// FlyingFox's own client takes an answer when it is whole, which this one never is: so the answer is read here.
    public func trace(
        filter: String, format: String, began: (UInt64) -> Void, _ body: ([UInt8]) throws -> Void
    ) async throws {
        var components = URLComponents()
        components.path = "/v1/trace"
        components.queryItems = [
            URLQueryItem(name: "filter", value: filter), URLQueryItem(name: "format", value: format),
        ]
        // A plus sign would be a blank to some.
        let target = (components.string ?? "").replacingOccurrences(of: "+", with: "%2B")
        var answer = try await HTTPAnswer(path, "GET \(target) HTTP/1.1\r\nHost: sluice\r\nConnection: close\r\n\r\n")
        defer { answer.close() }
        guard answer.status == 200, let id = UInt64(answer.headers["sluice-trace"] ?? "") else {
            throw await refusal(&answer)
        }
        began(id)
        while let chunk = try await answer.nextChunk() { try body(chunk) }
    }

    private func refusal(_ answer: inout HTTPAnswer) async -> ControlError {
        let status = answer.status
        let text = (try? await answer.body()).map { Data($0) } ?? Data()
        let reason = try? JSONDecoder().decode([String: String].self, from: text)["error"]
        return .refused(path, status: status, reason)
    }

    public func closeTrace(_ id: UInt64) async throws(ControlError) -> TraceReport {
        try await decoded(.DELETE, "/v1/traces/\(id)")
    }

    public func traces() async throws(ControlError) -> [TraceReport] { try await decoded(.GET, "/v1/traces") }

    /// `client`: an address or prefix, perhaps with a port.
    public func decisions(of client: String) async throws(ControlError) -> DecisionsReport {
        try await decoded(.GET, Self.decisionsTarget(client))
    }

    public static func decisionsTarget(_ client: String) -> String { "/v1/decisions?client=\(escaped(client))" }
}

/// An answer as its bytes come (RFC 9112): the head, then chunks, or a body of known length.
private struct HTTPAnswer {
    private(set) var status = 0
    private(set) var headers: [String: String] = [:]
    private let socket: AsyncSocket
    private var buffer: [UInt8] = []

    private static let lineEnd: [UInt8] = [13, 10]

    init(_ path: String, _ request: String) async throws {
        do {
            socket = try await AsyncSocket.connected(to: .unix(path: path))
        } catch {
            throw ControlError.unanswered(path)
        }
        try await socket.write(Data(request.utf8))
        let statusLine = try await line()
        status = statusLine.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        while case let line = try await line(), !line.isEmpty {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
    }

    func close() { try? socket.close() }

    /// nil behind the last one.
    mutating func nextChunk() async throws -> [UInt8]? {
        let size = try await line()
        guard let length = Int(size.prefix { $0 != ";" }, radix: 16), length > 0 else { return nil }
        let chunk = try await bytes(length)
        _ = try await bytes(2)
        return chunk
    }

    mutating func body() async throws -> [UInt8] { try await bytes(Int(headers["content-length"] ?? "") ?? 0) }

    private mutating func line() async throws -> String {
        while true {
            if let end = buffer.firstRange(of: Self.lineEnd) {
                defer { buffer.removeSubrange(..<end.upperBound) }
                return String(decoding: buffer[..<end.lowerBound], as: UTF8.self)
            }
            buffer += try await socket.read(atMost: 65536)
        }
    }

    private mutating func bytes(_ count: Int) async throws -> [UInt8] {
        while buffer.count < count { buffer += try await socket.read(atMost: max(65536, count - buffer.count)) }
        defer { buffer.removeSubrange(..<count) }
        return Array(buffer[..<count])
    }
}
