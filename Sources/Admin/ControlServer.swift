import FlyingFox
import FlyingSocks
import Foundation

/// The daemon's end of the control socket.
public struct ControlServer: Sendable {
    /// What it can be asked.
    public struct Answers: Sendable {
        public var status: @Sendable () async -> StatusReport
        public var connections: @Sendable () async -> [ConnectionReport]

        public init(
            status: @escaping @Sendable () async -> StatusReport,
            connections: @escaping @Sendable () async -> [ConnectionReport]
        ) {
            self.status = status
            self.connections = connections
        }
    }

    private let server: HTTPServer
    private let path: String

    /// Is another daemon answering there?
    public static func checkFree(_ path: String) async throws(ControlError) {
        if await ControlClient(path: path).isAnswered() { throw .taken(path) }
    }

    /// `path`: of the UNIX socket; its folder is made if need be, and an abandoned socket is replaced.
    public init(path: String, answers: Answers) async throws(ControlError) {
        let folder = (path as NSString).deletingLastPathComponent
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw .unusable(path, "\(error.localizedDescription)")
        }
        unlink(path)
        self.path = path
        server = HTTPServer(address: .unix(path: path), logger: .disabled)
        await server.appendRoute("GET /v1/status") { _ in try await Self.json(answers.status()) }
        await server.appendRoute("GET /v1/connections") { _ in try await Self.json(answers.connections()) }
    }

    /// Serves until the task is cancelled.
    public func run() async throws {
        try await server.run()
    }

    /// Returns once the socket answers; root alone may use it.
    public func waitUntilListening() async throws(ControlError) {
        do {
            try await server.waitUntilListening(timeout: 5)
        } catch {
            throw .unusable(path, "\(error)")
        }
        chmod(path, 0o600)
    }

    /// Stops listening, ends the task that serves, and removes the socket.
    public func stop(_ serving: Task<Void, any Error>) async {
        await server.stop()
        serving.cancel()
        _ = await serving.result
        unlink(path)
    }

    private static func json(_ value: some Encodable) throws -> HTTPResponse {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let body = try encoder.encode(value) + Data("\n".utf8)
        return HTTPResponse(statusCode: .ok, headers: [.contentType: "application/json"], body: body)
    }
}

/// Why the control socket can't be used.
public enum ControlError: Error, CustomStringConvertible {
    /// Another daemon answers there.
    case taken(String)
    case unusable(String, String)
    /// Nobody answers there.
    case unanswered(String)
    case refused(String, status: Int)

    public var description: String {
        switch self {
        case .taken(let path):
            "\(path) is answered by another sluice; stop it, or set [admin] control (or --control) to another path"
        case .unusable(let path, let reason): "can't listen on \(path): \(reason)"
        case .unanswered(let path):
            "nobody answers on \(path); is sluice running, and may you open its control socket (root)?"
        case .refused(let path, let status): "\(path) answered with status \(status)"
        }
    }
}
