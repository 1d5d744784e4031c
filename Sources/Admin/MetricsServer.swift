import FlyingFox
import FlyingSocks
import Foundation

/// What can be asked over TCP, by Prometheus above all: nothing that changes something, and no packets.
enum MetricsServer {
    /// Returns once it answers.
    static func start(
        on address: HTTPAddress, _ answers: ControlServer.Answers
    ) async throws(HTTPAddressError) -> HTTPService {
        do {
            let server = try server(address)
            await addRoutes(server, answers)
            return try await HTTPService.start(server)
        } catch SocketError.failed(_, let code, _) {
            throw HTTPAddressError(address, errno: code)
        } catch {
            throw HTTPAddressError(address, errno: EINVAL)
        }
    }

    private static func server(_ address: HTTPAddress) throws -> HTTPServer {
        address.isIPv6
            ? HTTPServer(address: try .inet6(ip6: address.host, port: address.port), logger: .disabled)
            : HTTPServer(address: try .inet(ip4: address.host, port: address.port), logger: .disabled)
    }

    private static func addRoutes(_ server: HTTPServer, _ answers: ControlServer.Answers) async {
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
}
