import FlyingFox
import FlyingSocks
import Foundation
import Synchronization

/// The daemon's end of the control socket.
public struct ControlServer: Sendable {
    /// What it can be asked.
    public struct Answers: Sendable {
        public var status: @Sendable () async -> StatusReport
        public var connections: @Sendable () async -> [ConnectionReport]
        /// What can't be understood throws `ControlRefusal`.
        public var close: @Sendable (CloseOrder) async throws -> CloseReport
        public var throttles: ThrottleAnswers
        public var paths: @Sendable () async -> PathsReport
        /// The busiest connections, at most so many. For one who asks again and again: what has moved since is what counts.
        public var busiest: @Sendable (Int) async -> BusiestReport
        /// What speaks against running here; takes a second or so.
        public var findings: @Sendable () async -> [FindingReport]
        /// Reads the settings anew, or, if it is only to be said what that would change, leaves them as they are; what can't be
        /// used throws `ControlRefusal`.
        public var reload: @Sendable (ReloadOrder) async throws -> ReloadReport
        public var traces: TraceAnswers
        /// Starts another program in the daemon's place; what it won't do throws `ControlRefusal`.
        public var upgrade: @Sendable (UpgradeOrder) async throws -> UpgradeReport
        /// Has new connections pass, or converts them again.
        public var drain: @Sendable (DrainOrder) async throws -> DrainReport
        /// In Prometheus' text format.
        public var metrics: @Sendable () async -> String

        public init(
            status: @escaping @Sendable () async -> StatusReport,
            connections: @escaping @Sendable () async -> [ConnectionReport],
            close: @escaping @Sendable (CloseOrder) async throws -> CloseReport, throttles: ThrottleAnswers,
            paths: @escaping @Sendable () async -> PathsReport,
            busiest: @escaping @Sendable (Int) async -> BusiestReport,
            findings: @escaping @Sendable () async -> [FindingReport],
            reload: @escaping @Sendable (ReloadOrder) async throws -> ReloadReport, traces: TraceAnswers,
            upgrade: @escaping @Sendable (UpgradeOrder) async throws -> UpgradeReport,
            drain: @escaping @Sendable (DrainOrder) async throws -> DrainReport,
            metrics: @escaping @Sendable () async -> String
        ) {
            self.status = status
            self.connections = connections
            self.close = close
            self.throttles = throttles
            self.paths = paths
            self.busiest = busiest
            self.findings = findings
            self.reload = reload
            self.traces = traces
            self.upgrade = upgrade
            self.drain = drain
            self.metrics = metrics
        }
    }

    /// What it can be asked about throttles, and told; what can't be done throws `ControlRefusal`.
    public struct ThrottleAnswers: Sendable {
        public var list: @Sendable () async -> [ThrottleReport]
        /// Takes one JSON object with the keys of `[[throttle]]`.
        public var add: @Sendable (Data) async throws -> Void
        public var set: @Sendable (_ name: String, ThrottleRates) async throws -> Void
        public var clear: @Sendable (_ name: String) async throws -> Void

        public init(
            list: @escaping @Sendable () async -> [ThrottleReport],
            add: @escaping @Sendable (Data) async throws -> Void,
            set: @escaping @Sendable (String, ThrottleRates) async throws -> Void,
            clear: @escaping @Sendable (String) async throws -> Void
        ) {
            self.list = list
            self.add = add
            self.set = set
            self.clear = clear
        }
    }

    let server: HTTPServer
    private let path: String
    /// The socket's name until the daemon is at work.
    private let provisional: String
    /// What it was when it got its name.
    private let own = OwnFile()

    /// Is another daemon answering there?
    public static func checkFree(_ path: String) async throws(ControlError) {
        if await ControlClient(path: path).isAnswered() { throw .taken(path) }
    }

    /// `isTakingOver`: another daemon answers there until `appear`.
    init(path: String, answers: Answers, isTakingOver: Bool) async throws(ControlError) {
        let folder = (path as NSString).deletingLastPathComponent
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw .unusable(path, "\(error.localizedDescription)")
        }
        if !isTakingOver { unlink(path) }
        self.path = path
        provisional = path + "~"
        unlink(provisional)
        // An upgrade takes up to half a minute, and isn't undone by an answer that comes too soon.
        server = HTTPServer(address: .unix(path: provisional), timeout: 60, logger: .disabled)
        await server.appendRoute("GET /v1/status") { _ in try await Self.json(answers.status()) }
        await server.appendRoute("GET /v1/connections") { _ in try await Self.json(answers.connections()) }
        await server.appendRoute("POST /v1/connections/close") { request in
            try await Self.answered {
                let order: CloseOrder
                do {
                    order = try JSONDecoder().decode(CloseOrder.self, from: try await Self.body(of: request))
                } catch is DecodingError {
                    throw ControlRefusal(
                        .invalid, "give {\"client\": …, \"server\": …, \"token\": …}, at least one, as strings")
                }
                return try Self.json(await answers.close(order))
            }
        }
        await server.appendRoute("POST /v1/reload") { request in
            try await Self.answered {
                let order: ReloadOrder
                do {
                    order = try JSONDecoder().decode(ReloadOrder.self, from: try await Self.body(of: request))
                } catch is DecodingError {
                    throw ControlRefusal(.invalid, "give {\"dry_run\": true} or {\"dry_run\": false}")
                }
                return try Self.json(await answers.reload(order))
            }
        }
        await server.appendRoute("POST /v1/upgrade") { request in
            try await Self.answered {
                let order: UpgradeOrder
                do {
                    order = try JSONDecoder().decode(UpgradeOrder.self, from: try await Self.body(of: request))
                } catch is DecodingError {
                    throw ControlRefusal(.invalid, "give {}, or {\"program\": PATH} with a path as a string")
                }
                return try Self.json(await answers.upgrade(order))
            }
        }
        await server.appendRoute("POST /v1/drain") { request in
            try await Self.answered {
                let order: DrainOrder
                do {
                    order = try JSONDecoder().decode(DrainOrder.self, from: try await Self.body(of: request))
                } catch is DecodingError {
                    throw ControlRefusal(.invalid, "give {\"on\": true} or {\"on\": false}")
                }
                return try Self.json(await answers.drain(order))
            }
        }
        await server.appendRoute("GET /v1/paths") { _ in try await Self.json(answers.paths()) }
        await server.appendRoute("GET /metrics") { _ in await Self.metrics(answers) }
        await addThrottleRoutes(answers.throttles)
        await addTraceRoutes(answers.traces)
    }

    private func addThrottleRoutes(_ answers: ThrottleAnswers) async {
        await server.appendRoute("GET /v1/throttles") { _ in try await Self.json(answers.list()) }
        await server.appendRoute("POST /v1/throttles") { request in
            try await Self.carriedOut { try await answers.add(Self.body(of: request)) }
        }
        await server.appendRoute("PATCH /v1/throttles/:name") { request in
            try await Self.carriedOut {
                let rates: ThrottleRates
                do {
                    rates = try JSONDecoder().decode(ThrottleRates.self, from: try await Self.body(of: request))
                } catch is DecodingError {
                    throw ControlRefusal(
                        .invalid, "give {\"download\": RATE, \"upload\": RATE}, either or both, as strings")
                }
                try await answers.set(Self.name(in: request), rates)
            }
        }
        await server.appendRoute("DELETE /v1/throttles/:name") { request in
            try await Self.carriedOut { try await answers.clear(Self.name(in: request)) }
        }
    }

    private static func name(in request: HTTPRequest) -> String { request.routeParameters["name"] ?? "" }

    private static func body(of request: HTTPRequest) async throws -> Data {
        guard request.bodySequence.count.map({ $0 <= largestBody }) ?? false else {
            throw ControlRefusal(.invalid, "send a body of at most \(largestBody) bytes, with its Content-Length")
        }
        return try await request.bodyData
    }

    /// Bytes of a request's body: no rule is as long.
    private static let largestBody = 64 << 10

    /// 204, or why it was not done.
    private static func carriedOut(_ order: () async throws -> Void) async throws -> HTTPResponse {
        try await answered {
            try await order()
            return HTTPResponse(statusCode: .noContent)
        }
    }

    /// The answer, or why there is none.
    static func answered(_ body: () async throws -> HTTPResponse) async throws -> HTTPResponse {
        do {
            return try await body()
        } catch let refusal as ControlRefusal {
            return try json(["error": refusal.message], status: refusal.kind.status)
        }
    }

    /// Returns once the socket answers. Root alone may use it, from the moment in which it is there: whatever else the process
    /// makes meanwhile is as private.
    func start() async throws(ControlError) -> HTTPService {
        let mask = umask(0o177)
        defer { umask(mask) }
        do {
            return try await HTTPService.start(server)
        } catch SocketError.failed(_, let code, _) {
            throw .unusable(path, String(cString: strerror(code)))
        } catch {
            throw .unusable(path, "\(error)")
        }
    }

    /// A socket can be renamed like any file, and whoever knows its name finds it.
    func appear() throws(ControlError) {
        own.note(provisional)
        guard rename(provisional, path) == 0 else { throw .unusable(path, String(cString: strerror(errno))) }
    }

    func removeSocket() {
        unlink(provisional)
        unlink(path)
    }

    /// Leaves alone what another daemon has put in its place.
    func removeOwnSocket() {
        if own.isStill(path) { unlink(path) }
    }

    static func metrics(_ answers: Answers) async -> HTTPResponse {
        let text = await answers.metrics()
        return HTTPResponse(
            statusCode: .ok, headers: [.contentType: MetricsText.contentType], body: Data(text.utf8))
    }

    static func json(_ value: some Encodable, status: HTTPStatusCode = .ok) throws -> HTTPResponse {
        let body = try encoded(value) + Data("\n".utf8)
        return HTTPResponse(statusCode: status, headers: [.contentType: "application/json"], body: body)
    }

    /// One line of JSON, without its end.
    static func encoded(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }
}

/// A file, whatever its name is now.
private final class OwnFile: Sendable {
    private struct Identity: Hashable {
        let device: UInt64
        let number: UInt64

        init?(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0 else { return nil }
            (device, number) = (UInt64(status.st_dev), UInt64(status.st_ino))
        }
    }

    private let identity = Mutex<Identity?>(nil)

    func note(_ path: String) { identity.withLock { $0 = Identity(path) } }

    func isStill(_ path: String) -> Bool { identity.withLock { $0 != nil && $0 == Identity(path) } }
}

/// Why the control socket can't be used.
public enum ControlError: Error, CustomStringConvertible {
    /// Another daemon answers there.
    case taken(String)
    case unusable(String, String)
    /// Nobody answers there.
    case unanswered(String)
    /// It says why not, if it does.
    case refused(String, status: Int, String?)

    public var description: String {
        switch self {
        case .taken(let path):
            "\(path) is answered by another sluice; stop it, or set [admin] control (or --control) to another path"
        case .unusable(let path, let reason): "can't listen on \(path): \(reason)"
        case .unanswered(let path):
            "nobody answers on \(path); is sluice running, and may you open its control socket (root)?"
        case .refused(_, _, let reason?): reason
        case .refused(let path, let status, nil): "\(path) answered with status \(status)"
        }
    }
}

extension ControlRefusal.Kind {
    fileprivate var status: HTTPStatusCode {
        switch self {
        case .invalid: .badRequest
        case .unknown: .notFound
        case .conflict: .conflict
        }
    }
}
