import Foundation
import Testing

@testable import Admin

/// HTTP over TCP as a client meets it: answers, refusals, limits.
@Suite(.timeLimit(.minutes(2))) struct WebServiceTests {
    private static let secret = "0123456789abcdef"

    /// Serves made-up answers while `body` runs.
    private func serving(
        token: String? = nil, limits: WebListener.Limits = .init(), pace: EventHub.Pace = .init(),
        _ body: (UInt16, MadeUpAnswers) async throws -> Void
    ) async throws {
        let made = MadeUpAnswers()
        let port = try WebClient.freePort()
        let setting = HTTPSetting(
            address: HTTPAddress(host: "127.0.0.1", port: port), token: try token.map { try HTTPToken(text: $0) },
            names: ["router.lan"])
        let service = try await WebService.start(on: setting, limits: limits, pace: pace, made.answers)
        do {
            try await body(port, made)
        } catch {
            await service.stop()
            throw error
        }
        await service.stop()
        await #expect(throws: WebClient.Failure.self) { try await onThread { _ = try WebClient(port: port) } }
    }

    private func ask(
        _ port: UInt16, _ path: String, _ fields: String = "", method: String = "GET"
    ) async throws -> WebClient.Answer {
        try await onThread { try WebClient(port: port).ask(path, fields, method: method) }
    }

    @Test func thePageTakesNothingFromElsewhere() async throws {
        try await serving { port, _ in
            let (one, other) = (try await ask(port, "/"), try await ask(port, "/"))
            #expect(one.status == 200)
            #expect(one.fields["content-type"] == "text/html; charset=utf-8")
            let policy = try #require(one.fields["content-security-policy"])
            let nonce = try #require(policy.firstMatch(of: /script-src 'nonce-([0-9a-f]+)'/)?.1)
            #expect(
                policy == """
                    default-src 'none'; script-src 'nonce-\(nonce)'; style-src 'nonce-\(nonce)'; connect-src 'self'; \
                    img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
                    """)
            #expect(one.body.matches(of: /nonce="([^"]*)"/).map { $0.1 } == [nonce, nonce])
            #expect(other.fields["content-security-policy"] != policy, "a nonce is used once")
            #expect(one.body.firstMatch(of: /(src|href|url|import)\W{0,3}(https?:|\/\/)/) == nil)
            for (name, value) in [
                ("cache-control", "no-store"), ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-resource-policy", "same-origin"), ("connection", "close"),
            ] { #expect(one.fields[name] == value) }
            #expect(one.fields["access-control-allow-origin"] == nil)
        }
    }

    @Test func answersAreThoseOfTheControlSocket() async throws {
        try await serving { port, made in
            for path in ["/v1/status", "/v1/connections", "/v1/throttles", "/v1/paths"] {
                let answer = try await ask(port, path + "?x=1")
                #expect(answer.status == 200 && answer.fields["content-type"] == "application/json", "\(path)")
                #expect(answer.fields["content-length"] == "\(answer.body.utf8.count)")
                let head = try await ask(port, path, method: "HEAD")
                #expect(head.body == "" && head.fields["content-length"] == answer.fields["content-length"])
            }
            let status = try await ask(port, "/v1/status").body
            #expect(
                status == String(decoding: try ControlServer.encoded(await made.answers.status()), as: UTF8.self) + "\n"
            )
            #expect(try await ask(port, "/metrics").body == "sluice_info 1\n")
            #expect(try await ask(port, "/v1/events", method: "HEAD").fields["content-type"] == "text/event-stream")
        }
    }

    /// Each with its status, and what it has to say.
    @Test(arguments: [
        ("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, "there is nothing at /x"),
        ("GET /v1/trace HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, "there is nothing at"),
        (
            "POST /v1/throttles HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 405,
            "nothing is changed here"
        ),
        ("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "evil.example is not known"),
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", 403, "may not ask here"),
        ("GET /metrics HTTP/1.1\r\n\r\n", 400, "it has no Host"),
        ("\u{16}\u{3}\u{1}\u{2}", 400, "use http://"), ("quit\n", 400, "no request of HTTP/1.1"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1 and HTTP/1.0 are spoken here"),
        ("GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 9000))", 431, "longer than 8192 bytes"),
    ])
    func whatIsWrongIsSaid(_ request: String, _ status: Int, _ words: String) async throws {
        try await serving { port, made in
            let answer = try await onThread {
                let client = try WebClient(port: port)
                client.send(request)
                return try client.answer()
            }
            #expect(answer.status == status)
            let error = try JSONDecoder().decode([String: String].self, from: Data(answer.body.utf8))["error"]
            #expect(error?.contains(words) == true, "\(answer.body)")
            #expect(made.count("metrics") == 0, "nothing is computed for it")
        }
    }

    @Test func aTokenIsAskedFor() async throws {
        try await serving(token: Self.secret) { port, made in
            for path in ["/v1/status", "/v1/events", "/metrics"] {
                let answer = try await ask(port, path)
                #expect(answer.status == 401 && answer.fields["www-authenticate"] == "Bearer realm=\"sluice\"")
                #expect(try await ask(port, path, "Authorization: Bearer 0123456789abcdeF\r\n").status == 401)
            }
            #expect(made.count("status") + made.count("metrics") + made.count("findings") == 0)
            #expect(try await ask(port, "/").status == 200)
            #expect(try await ask(port, "/metrics", "Authorization: Bearer \(Self.secret)\r\n").status == 200)
            let event = try await onThread {
                let client = try WebClient(port: port)
                client.send(
                    "GET /v1/events HTTP/1.1\r\nHost: router.lan\r\nAuthorization: Bearer \(Self.secret)\r\n\r\n")
                #expect(try client.head().status == 200)
                return try client.event().name
            }
            #expect(event == "look")
        }
    }

    /// One that sends nothing, or no end, is told so, and holds up nobody meanwhile.
    @Test func slowRequestsEnd() async throws {
        try await serving(limits: .init(head: .milliseconds(300))) { port, _ in
            let slow = try await onThread {
                let client = try WebClient(port: port)
                client.send("GET /metrics HTT")
                return try client.answer().status
            }
            #expect(slow == 408)
            let cut = try await onThread {
                let client = try WebClient(port: port)
                client.send("GET /metrics HTT")
                client.finish()
                return try client.answer().status
            }
            #expect(cut == 400)
        }
    }

    /// More connections than are answered: the next are told so at once, and when there is room, all is as before.
    @Test func connectionsHaveALimit() async throws {
        let limits = WebListener.Limits(connections: 4, head: .seconds(60))
        try await serving(limits: limits) { port, _ in
            let answer = try await onThread {
                let silent = try (0..<4).map { _ in try WebClient(port: port) }
                defer { withExtendedLifetime(silent) {} }
                return try WebClient(port: port).answer()
            }
            #expect(answer.status == 503 && answer.fields["retry-after"] == "10")
            #expect(answer.body.contains("4 connections are being answered, and that is the limit"))
            try await onThread {
                while try WebClient(port: port).ask("/metrics").status != 200 { usleep(10_000) }
            }
        }
    }

    @Test func descriptorsAreGivenBack() async throws {
        try await serving { port, _ in
            _ = try await ask(port, "/metrics")
            let before = try Self.descriptors()
            try await onThread {
                for round in 0..<300 {
                    let client = try WebClient(port: port)
                    if round % 3 == 0 { _ = try client.ask("/metrics") }
                    if round % 3 == 1 { client.send("GET /met") }
                }
                // Connections are ended by the other side a moment later.
                for _ in 0..<1000 where try Self.descriptors() > before { usleep(10_000) }
                #expect(try Self.descriptors() <= before)
            }
        }
    }

    private static func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }

    /// Whoever asks while others do waits for them: a thousand cost no more at a time than one.
    @Test func aThousandAtOnceAreAnsweredOrRefused() async throws {
        try await serving { port, _ in
            let statuses = try await onThread {
                let clients = try (0..<1000).map { _ in
                    let client = try WebClient(port: port)
                    client.send("GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    return client
                }
                return try clients.map { try $0.answer().status }
            }
            #expect(Set(statuses).isSubset(of: [200, 503]))
            #expect(statuses.contains(200))
            #expect(try await ask(port, "/v1/status").status == 200)
        }
    }
}
