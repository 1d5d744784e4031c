import FlyingFox
import FlyingSocks
import Foundation

extension ControlServer {
    /// What it can be asked about packets; what can't be done throws `ControlRefusal`.
    public struct TraceAnswers: Sendable {
        /// `format`: `pcapng`, `json` or `text`.
        public var open: @Sendable (_ filter: String, _ format: String) async throws -> TraceStream
        /// nil: there is none of that number.
        public var close: @Sendable (UInt64) async -> TraceReport?
        public var list: @Sendable () async -> [TraceReport]
        /// `client`: an address or prefix, perhaps with a port; empty: all.
        public var decisions: @Sendable (_ client: String) async throws -> DecisionsReport

        public init(
            open: @escaping @Sendable (String, String) async throws -> TraceStream,
            close: @escaping @Sendable (UInt64) async -> TraceReport?,
            list: @escaping @Sendable () async -> [TraceReport],
            decisions: @escaping @Sendable (String) async throws -> DecisionsReport
        ) {
            self.open = open
            self.close = close
            self.list = list
            self.decisions = decisions
        }
    }

    func addTraceRoutes(_ answers: TraceAnswers) async {
        await server.appendRoute("GET /v1/trace") { request in
            try await Self.answered {
                let stream = try await answers.open(
                    request.query["filter"] ?? "", request.query["format"] ?? "text")
                return HTTPResponse(
                    statusCode: .ok,
                    headers: [
                        HTTPHeader(Self.traceHeader): String(stream.id), .contentType: "application/octet-stream",
                    ],
                    body: HTTPBodySequence(from: StreamBytes(stream), suggestedBufferSize: 64 << 10))
            }
        }
        await server.appendRoute("GET /v1/traces") { _ in try await Self.json(answers.list()) }
        await server.appendRoute("DELETE /v1/traces/:id") { request in
            try await Self.answered {
                guard let id = UInt64(request.routeParameters["id"] ?? ""), let totals = await answers.close(id) else {
                    throw ControlRefusal(.unknown, "there is no such trace")
                }
                return try Self.json(totals)
            }
        }
        await server.appendRoute("GET /v1/decisions") { request in
            try await Self.answered { try Self.json(try await answers.decisions(request.query["client"] ?? "")) }
        }
    }

    /// Of the answer to `GET /v1/trace`: its number.
    static let traceHeader = "Sluice-Trace"
}

/// A trace's bytes as FlyingFox takes them. When the connection is gone, the iterator goes, and with it the trace.
private struct StreamBytes: AsyncBufferedSequence {
    typealias Element = UInt8

    private let end: End

    init(_ stream: TraceStream) { end = End(stream) }

    func makeAsyncIterator() -> Iterator { Iterator(end: end) }

    struct Iterator: AsyncBufferedIteratorProtocol {
        fileprivate let end: End

        mutating func next() async throws -> UInt8? { preconditionFailure("FlyingFox takes buffers") }

        mutating func nextBuffer(suggested count: Int) async throws -> [UInt8]? { await end.stream.next() }
    }

    fileprivate final class End: Sendable {
        let stream: TraceStream

        init(_ stream: TraceStream) { self.stream = stream }

        deinit { stream.abandon() }
    }
}
