import FlyingFox
import FlyingSocks
import Foundation

/// What can be asked over TCP, by Prometheus above all: nothing that changes something, and no packets.
public struct MetricsServer: Sendable {
    private let server: HTTPServer
    /// For messages.
    private let name: String

    /// `address`: of IPv4 or IPv6, without a port. Throws when nobody can listen there.
    public init(address: String, port: UInt16, answers: ControlServer.Answers) async throws(ControlError) {
        let isIPv6 = address.contains(":")
        name = isIPv6 ? "[\(address)]:\(port)" : "\(address):\(port)"
        do {
            if isIPv6 {
                server = try Self.server(.inet6(ip6: address, port: port))
            } else {
                server = try Self.server(.inet(ip4: address, port: port))
            }
        } catch {
            throw .httpUnusable(name, "\(error)")
        }
        await server.appendRoute("GET /metrics") { _ in await ControlServer.metrics(answers) }
        await server.appendRoute("GET /v1/status") { _ in try await ControlServer.json(answers.status()) }
        await server.appendRoute("GET /v1/connections") { _ in try await ControlServer.json(answers.connections()) }
        await server.appendRoute("GET /v1/throttles") { _ in try await ControlServer.json(answers.throttles.list()) }
        await server.appendRoute("GET /") { _ in
            HTTPResponse(
                statusCode: .ok, headers: [.contentType: "text/plain; charset=utf-8"], body: Data(Self.index.utf8))
        }
    }

    private static let index = """
        Sluice, a transparent MPTCP middlebox

        /metrics         for Prometheus
        /v1/status       JSON, as sluice status --json
        /v1/connections  JSON, as sluice connections --json
        /v1/throttles    JSON, as sluice throttles list --json

        """

    /// Serves until the task is cancelled.
    public func run() async throws { try await server.run() }

    /// Returns once it answers.
    public func waitUntilListening() async throws(ControlError) {
        do {
            try await server.waitUntilListening(timeout: 5)
        } catch {
            throw .httpUnusable(name, "\(error)")
        }
    }

    public func stop(_ serving: Task<Void, any Error>) async {
        await server.stop()
        serving.cancel()
        _ = await serving.result
    }

    /// Has listened there for a moment, since the server itself doesn't say why it can't.
    private static func server(_ address: some SocketAddress) throws -> HTTPServer {
        let socket = try Socket(domain: Int32(type(of: address).family))
        defer { try? socket.close() }
        try socket.setValue(true, for: .localAddressReuse)
        try socket.bind(to: address)
        try socket.listen()
        return HTTPServer(address: address, logger: .disabled)
    }
}
