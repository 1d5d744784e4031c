import FlyingFox
import FlyingSocks
import Foundation

/// The command line's end of the control socket.
public struct ControlClient: Sendable {
    private let path: String

    public init(path: String) { self.path = path }

    /// The answer's body as it came, for `--json`.
    public func get(_ target: String) async throws(ControlError) -> Data {
        let response: HTTPResponse
        do {
            var client = HTTPClient()
            let request = HTTPRequest(
                method: .GET, version: .http11, path: target, query: [], headers: [.host: "sluice"], body: Data())
            response = try await client.sendHTTPRequest(request, to: .unix(path: path))
        } catch {
            throw .unanswered(path)
        }
        guard response.statusCode == .ok else { throw .refused(path, status: response.statusCode.code) }
        do {
            return try await response.bodyData
        } catch {
            throw .unanswered(path)
        }
    }

    public func status() async throws(ControlError) -> StatusReport { try await decoded("/v1/status") }

    public func connections() async throws(ControlError) -> [ConnectionReport] {
        try await decoded("/v1/connections")
    }

    func isAnswered() async -> Bool { (try? await get("/v1/status")) != nil }

    private func decoded<Report: Decodable>(_ target: String) async throws(ControlError) -> Report {
        let body = try await get(target)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(Report.self, from: body)
        } catch {
            throw .unusable(path, "the answer can't be read (\(error)); is the running sluice of another version?")
        }
    }
}
