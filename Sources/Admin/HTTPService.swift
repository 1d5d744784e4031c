import FlyingFox
import FlyingSocks

/// A server that serves, until it is stopped.
struct HTTPService: Sendable {
    private let server: HTTPServer
    private let serving: Task<Void, any Error>

    /// Returns once it answers; throws what it couldn't begin for.
    static func start(_ server: HTTPServer) async throws -> HTTPService {
        let waiting = Task { try await server.waitUntilListening(timeout: 5) }
        let serving = Task {
            // Who waits doesn't hear of a failure otherwise.
            defer { waiting.cancel() }
            try await server.run()
        }
        do {
            try await waiting.value
        } catch {
            serving.cancel()
            try await serving.value
            throw error
        }
        return HTTPService(server: server, serving: serving)
    }

    private init(server: HTTPServer, serving: Task<Void, any Error>) {
        self.server = server
        self.serving = serving
    }

    /// Takes no further question, and lets the answers that are on their way go out, for so many seconds at most.
    func finish(within limit: Double) async { await server.stop(timeout: limit) }

    func stop() async {
        await server.stop()
        serving.cancel()
        _ = await serving.result
    }
}
