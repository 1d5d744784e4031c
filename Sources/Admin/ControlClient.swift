import FlyingFox
import FlyingSocks
import Foundation

/// The command line's end of the control socket.
public struct ControlClient: Sendable {
    let path: String

    public init(path: String) { self.path = path }

    /// The answer's body as it came, for `--json`.
    public func get(_ target: String) async throws(ControlError) -> Data { try await request(.GET, target) }

    /// A rule as one JSON object with the keys of `[[throttle]]`.
    public func addThrottle(_ rule: Data) async throws(ControlError) {
        _ = try await request(.POST, "/v1/throttles", body: rule)
    }

    public func setThrottle(_ name: String, _ rates: ThrottleRates) async throws(ControlError) {
        // Strings alone are always encoded.
        _ = try await request(.PATCH, "/v1/throttles/\(Self.escaped(name))", body: try! JSONEncoder().encode(rates))
    }

    public func clearThrottle(_ name: String) async throws(ControlError) {
        _ = try await request(.DELETE, "/v1/throttles/\(Self.escaped(name))")
    }

    /// The answer's body as it came, for `--json`.
    public func close(_ order: CloseOrder) async throws(ControlError) -> Data {
        // Strings alone are always encoded.
        try await request(.POST, "/v1/connections/close", body: try! JSONEncoder().encode(order))
    }

    /// The answer's body as it came, for `--json`.
    public func reload(_ order: ReloadOrder) async throws(ControlError) -> Data {
        // A boolean is always encoded.
        try await request(.POST, "/v1/reload", body: try! JSONEncoder().encode(order))
    }

    public func upgrade(_ order: UpgradeOrder) async throws(ControlError) -> UpgradeReport {
        // A string alone is always encoded.
        try decoded(try await request(.POST, "/v1/upgrade", body: try! JSONEncoder().encode(order)))
    }

    public func drain(_ order: DrainOrder) async throws(ControlError) -> DrainReport {
        // A boolean is always encoded.
        try decoded(try await request(.POST, "/v1/drain", body: try! JSONEncoder().encode(order)))
    }

    static func escaped(_ name: String) -> String {
        // What names are made of stands as it is.
        let ordinary = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "_.-"))
        return name.addingPercentEncoding(withAllowedCharacters: ordinary) ?? name
    }

    private func request(
        _ method: HTTPMethod, _ target: String, body: Data = Data()
    ) async throws(ControlError) -> Data {
        let response: HTTPResponse
        let answer: Data
        do {
            var client = HTTPClient()
            let parts = URLComponents(string: target)
            let query = parts?.queryItems?.map { HTTPRequest.QueryItem(name: $0.name, value: $0.value ?? "") }
            let request = HTTPRequest(
                method: method, version: .http11, path: parts?.percentEncodedPath ?? target, query: query ?? [],
                headers: [.host: "sluice"], body: body)
            response = try await client.sendHTTPRequest(request, to: .unix(path: path))
            answer = try await response.bodyData
        } catch {
            throw .unanswered(path)
        }
        guard (200..<300).contains(response.statusCode.code) else {
            let reason = try? JSONDecoder().decode([String: String].self, from: answer)["error"]
            throw .refused(path, status: response.statusCode.code, reason)
        }
        return answer
    }

    public func status() async throws(ControlError) -> StatusReport { try await decoded(.GET, "/v1/status") }

    public func connections() async throws(ControlError) -> [ConnectionReport] {
        try await decoded(.GET, "/v1/connections")
    }

    public func throttles() async throws(ControlError) -> [ThrottleReport] { try await decoded(.GET, "/v1/throttles") }

    public func paths() async throws(ControlError) -> PathsReport { try await decoded(.GET, "/v1/paths") }

    func isAnswered() async -> Bool { (try? await get("/v1/status")) != nil }

    func decoded<Report: Decodable>(
        _ method: HTTPMethod, _ target: String
    ) async throws(ControlError) -> Report {
        try decoded(try await request(method, target))
    }

    public func decoded<Report: Decodable>(_ body: Data) throws(ControlError) -> Report {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(Report.self, from: body)
        } catch {
            throw .unusable(path, "the answer can't be read (\(error)); is the running sluice of another version?")
        }
    }
}
