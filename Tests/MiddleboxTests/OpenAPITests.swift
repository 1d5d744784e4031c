import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// docs/api/openapi.json and the daemon say the same.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct OpenAPITests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// An operation of the description.
    private struct Operation {
        let method: String
        let path: String
        let content: [String: Any]

        /// `control` and `http`.
        var places: [String] { content["x-sluice-served-on"] as? [String] ?? [] }

        func schema(_ status: String) -> [String: Any]? {
            let response = (content["responses"] as? [String: Any])?[status] as? [String: Any]
            let media = (response?["content"] as? [String: Any])?["application/json"] as? [String: Any]
            return media?["schema"] as? [String: Any]
        }

        var bodySchema: [String: Any]? {
            let media = (content["requestBody"] as? [String: Any])?["content"] as? [String: Any]
            return (media?["application/json"] as? [String: Any])?["schema"] as? [String: Any]
        }
    }

    private func description() throws -> (document: [String: Any], operations: [Operation]) {
        let data = try Data(contentsOf: Self.root.appending(path: "docs/api/openapi.json"))
        let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect((document["openapi"] as? String)?.hasPrefix("3.1.") == true)
        let paths = document["paths"] as? [String: [String: Any]] ?? [:]
        let operations = paths.flatMap { path, methods in
            methods.filter { $0.key != "parameters" }.map {
                Operation(method: $0.key.uppercased(), path: path, content: $0.value as? [String: Any] ?? [:])
            }
        }
        return (document, operations)
    }

    /// Every route of the sources is described, on the right side, and no other.
    @Test func everyRouteIsDescribed() throws {
        let folder = Self.root.appending(path: "Sources/Admin")
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var routes: Set<String> = []
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: /appendRoute\("([A-Z]+) (\/v1\/[^"]*)"\)/) {
                routes.insert("control \(match.1) \(match.2.replacing(/:(\w+)/) { "{\($0.1)}" })")
            }
            for match in text.matches(of: /case "(\/v1\/[^"]*)":/) { routes.insert("http GET \(match.1)") }
        }
        #expect(routes.count > 15)
        let described = try description().operations.flatMap { operation in
            operation.places.map { "\($0) \(operation.method) \(operation.path)" }
        }
        #expect(Set(described) == routes)
    }

    private static let rules = """

        [[path]]
        name = "wired"
        interface = "lan0"
        capacity = "90mbit"
        cap = "50GB/month"
        [[path]]
        name = "mobile"
        interface = "lan1"
        [[steer]]
        name = "reserve"
        mode = "active-standby"
        active = "wired"
        standby = "mobile"
        ports = [5000]
        [[throttle]]
        name = "shared"
        interface = "lan0"
        download = "40mbit"
        upload = "20mbit"
        ports = [5001]
        min_subflows = 1
        [[throttle]]
        name = "each"
        interface = "lan1"
        download = "40mbit"
        per = "subflow"
        min_subflows = 1
        when = "congested"

        """

    /// Answers of a box with connections of both kinds, paths, throttles and traces are as described; so are refusals.
    @Test func answersAreAsDescribed() async throws {
        try await Lab.with { lab in
            let settings = lab.configuration([
                "intercept": "inspect = \"all\"", "admin": "http = \"127.0.0.1:9470\"",
                "advanced": "state_directory = \"\(lab.directory)/state\"",
                "trace": "file = \"\(lab.directory)/trace.json\"\nformat = \"json\"",
                "cluster": "id = \"a\"\nredis = \"redis://127.0.0.1\"",
            ])
            let sluice = try await lab.startSluice(configuration: settings + Self.rules)
            let servers = try await [lab.serve(), lab.serve(port: 5001)]
            defer { for server in servers { server.stop() } }
            for family in IPFamily.allCases {
                #expect(try await lab.fetch(lab.plan(.echo, 200_000, family)).failures == [:])
            }
            var second = lab.endlessPlan(.v6)
            second.to = lab.endpoint(.server(0), port: 5001, .v6)
            let (one, other) = (lab.endlessPlan(), second)
            async let report = lab.fetch(one)
            async let otherReport = lab.fetch(other)
            try await lab.wait(for: "two connections of two subflows") {
                let connections = try await sluice.connections()
                return connections.count { $0.subflows.count == 2 } == 2
            }
            let trace = try await lab.trace(sluice)
            try await ask(lab, sluice)
            try await askForEvents(lab)
            _ = try await trace.end()
            for server in servers { server.stop() }
            _ = try await (report, otherReport)
        }
    }

    /// Of each operation of the control socket, requests and the statuses that they get.
    private static let requests: [(method: String, path: String, target: String, body: String?, status: String)] = [
        ("GET", "/v1/status", "/v1/status", nil, "200"), ("GET", "/v1/connections", "/v1/connections", nil, "200"),
        ("GET", "/v1/paths", "/v1/paths", nil, "200"), ("GET", "/v1/throttles", "/v1/throttles", nil, "200"),
        (
            "POST", "/v1/throttles", "/v1/throttles",
            #"{"name": "b", "interface": "lan0", "ports": [9], "upload": "1mbit"}"#, "204"
        ),
        ("POST", "/v1/throttles", "/v1/throttles", #"{"name": "b", "prots": 1}"#, "400"),
        ("POST", "/v1/throttles", "/v1/throttles", #"{"name": "c", "interface": "lan7", "upload": "1mbit"}"#, "409"),
        ("PATCH", "/v1/throttles/{name}", "/v1/throttles/b", #"{"upload": "2mbit"}"#, "204"),
        ("PATCH", "/v1/throttles/{name}", "/v1/throttles/b", #"{"upload": "2"}"#, "400"),
        ("PATCH", "/v1/throttles/{name}", "/v1/throttles/x", #"{"upload": "2mbit"}"#, "404"),
        ("DELETE", "/v1/throttles/{name}", "/v1/throttles/b", nil, "204"),
        ("DELETE", "/v1/throttles/{name}", "/v1/throttles/b", nil, "404"),
        ("GET", "/v1/traces", "/v1/traces", nil, "200"),
        ("DELETE", "/v1/traces/{id}", "/v1/traces/99999", nil, "404"),
        ("GET", "/v1/trace", "/v1/trace?filter=prot", nil, "400"),
        ("GET", "/v1/decisions", "/v1/decisions", nil, "200"),
        ("GET", "/v1/decisions", "/v1/decisions?client=10.1.0.2", nil, "200"),
        ("GET", "/v1/decisions", "/v1/decisions?client=x", nil, "400"),
        ("POST", "/v1/reload", "/v1/reload", #"{"dry_run": true}"#, "200"),
        ("POST", "/v1/reload", "/v1/reload", #"{"dry_run": 1}"#, "400"),
        ("POST", "/v1/reload", "/v1/reload", "{}", "400"),
        ("POST", "/v1/reload", "/v1/reload", #"{"dry_run": false}"#, "200"),
        ("POST", "/v1/upgrade", "/v1/upgrade", #"{"program": 1}"#, "400"),
        ("POST", "/v1/drain", "/v1/drain", #"{"on": true}"#, "200"),
        ("POST", "/v1/drain", "/v1/drain", #"{"on": 1}"#, "400"),
        ("POST", "/v1/drain", "/v1/drain", #"{"on": false}"#, "200"),
        ("POST", "/v1/upgrade", "/v1/upgrade", #"{"program": "/nowhere"}"#, "409"),
        ("POST", "/v1/connections/close", "/v1/connections/close", "{}", "400"),
        ("POST", "/v1/connections/close", "/v1/connections/close", #"{"server": "10.9.0.2:5000"}"#, "200"),
    ]

    private func ask(_ lab: Lab, _ sluice: SluiceDaemon) async throws {
        let (document, operations) = try description()
        let schemas = JSONSchema(root: document)
        var asked: Set<String> = []
        for request in Self.requests {
            let operation = try #require(operations.first { ($0.method, $0.path) == (request.method, request.path) })
            let data = request.body.map { ["-d", $0] } ?? []
            let words = ["--unix-socket", sluice.controlPath, "-X", request.method] + data
            let (status, body) = try await curl(lab, words + ["http://sluice\(request.target)"])
            #expect(status == request.status, "\(request): \(body)")
            try check(body, operation.schema(status), schemas, "\(request)", isEmpty: status == "204")
            if let body = request.body, status.hasPrefix("2") {
                let value = try JSONSerialization.jsonObject(with: Data(body.utf8))
                #expect(schemas.faults(of: value, try #require(operation.bodySchema)) == [], "\(request)")
            }
            asked.insert("\(request.method) \(request.path)")
        }
        for operation in operations where operation.places.contains("http") && operation.path != "/v1/events" {
            let (status, body) = try await curl(lab, ["http://127.0.0.1:9470\(operation.path)"])
            #expect(status == "200")
            try check(body, operation.schema("200"), schemas, operation.path, isEmpty: false)
            let foreign = try await curl(lab, ["-H", "Host: evil.example", "http://127.0.0.1:9470\(operation.path)"])
            #expect(foreign.status == "403")
            let error = ["$ref": "#/components/schemas/Error"]
            try check(foreign.body, error, schemas, operation.path, isEmpty: false)
        }
        #expect(asked == Set(operations.filter { $0.places.contains("control") }.map { "\($0.method) \($0.path)" }))
    }

    /// An upgrade, after which another process answers.
    @Test func anUpgradeIsAsDescribed() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let (document, operations) = try description()
            let operation = try #require(operations.first { $0.path == "/v1/upgrade" })
            let schemas = JSONSchema(root: document)
            let before = sluice.pid
            for order in ["{}", #"{"program": null}"#, #"{"program": "\#(sluice.program)"}"#] {
                let value = try JSONSerialization.jsonObject(with: Data(order.utf8))
                #expect(schemas.faults(of: value, try #require(operation.bodySchema)) == [])
                let words = ["--unix-socket", sluice.controlPath, "-d", order, "http://sluice/v1/upgrade"]
                let (status, body) = try await curl(lab, words)
                #expect(status == "200", "\(body)\(sluice.log)")
                try check(body, operation.schema("200"), schemas, order, isEmpty: false)
                let report = try JSONDecoder().decode([String: Int].self, from: Data(body.utf8))
                try sluice.goesOn(as: pid_t(try #require(report["pid"])))
            }
            #expect(sluice.pid != before)
            try await sluice.stopSuccessor()
        }
    }

    private func check(
        _ body: String, _ schema: [String: Any]?, _ schemas: JSONSchema, _ request: String, isEmpty: Bool
    ) throws {
        guard !isEmpty else {
            #expect(body == "", "\(request)")
            return
        }
        let value = try JSONSerialization.jsonObject(with: Data(body.utf8), options: .fragmentsAllowed)
        #expect(schemas.faults(of: value, try #require(schema, "\(request)")) == [], "\(request)")
    }

    private func curl(_ lab: Lab, _ arguments: [String]) async throws -> (status: String, body: String) {
        let words = ["curl", "-sS", "-g", "--max-time", "20", "-w", "\n%{http_code}"]
        let output = try await lab.run(in: .box, words + arguments).output
        let end = output.lastIndex(of: "\n") ?? output.startIndex
        return (String(output[end...].dropFirst()), String(output[..<end]))
    }

    private func askForEvents(_ lab: Lab) async throws {
        let (document, operations) = try description()
        let operation = try #require(operations.first { $0.path == "/v1/events" })
        let schemas = try #require(operation.content["x-sluice-events"] as? [String: [String: Any]])
        let reading = try lab.spawn(in: .box, ["curl", "-sSN", "--max-time", "60", "http://127.0.0.1:9470/v1/events"])
        defer { reading.signal(SIGTERM) }
        try await lab.wait(for: "findings", within: .seconds(40)) { reading.output.contains("event: findings\ndata: ") }
        let events = reading.output.components(separatedBy: "\n\n").dropLast()
        var seen: Set<String> = []
        for event in events {
            let match = try #require(event.wholeMatch(of: /event: ([a-z]+)\ndata: (.+)/), "\(event)")
            let value = try JSONSerialization.jsonObject(with: Data(match.2.utf8))
            let schema = try #require(schemas[String(match.1)])
            #expect(JSONSchema(root: document).faults(of: value, schema) == [], "\(match.1)")
            seen.insert(String(match.1))
        }
        #expect(seen == Set(schemas.keys))
    }
}

/// The tests' own judge of values finds what is wrong with them.
@Suite struct JSONSchemaTests {
    private static let schema = #"""
        {"type": "object", "required": ["a"], "additionalProperties": false, "properties": {
          "a": {"type": ["integer", "null"], "minimum": 0, "maximum": 9}, "b": {"type": "array", "items": {"$ref": "#/x"}},
          "c": {"type": "string", "enum": ["p", "q"]}, "d": {"oneOf": [{"$ref": "#/x"}, {"type": "null"}]},
          "e": {"type": "object", "additionalProperties": {"type": "number"}}, "f": {"type": "boolean"}}}
        """#

    private func faults(_ text: String) throws -> [String] {
        let parse = { try JSONSerialization.jsonObject(with: Data(($0 as String).utf8)) as? [String: Any] ?? [:] }
        let root = try parse(#"{"x": {"type": "string", "pattern": "^s"}}"#)
        return JSONSchema(root: root).faults(of: try parse(text), try parse(Self.schema))
    }

    @Test(arguments: [
        #"{"a": 0}"#, #"{"a": null, "b": [], "c": "p", "d": null, "e": {}, "f": true}"#,
        #"{"a": 9, "b": ["s", "sx"], "d": "s", "e": {"y": 1.5, "z": 2}, "f": false}"#,
    ])
    func fits(_ text: String) throws { #expect(try faults(text) == []) }

    @Test(arguments: [
        "{}", #"{"a": -1}"#, #"{"a": 10}"#, #"{"a": 1.5}"#, #"{"a": "1"}"#, #"{"a": true}"#, #"{"a": 1, "g": 1}"#,
        #"{"a": 1, "b": ["t"]}"#, #"{"a": 1, "b": [1]}"#, #"{"a": 1, "b": {}}"#, #"{"a": 1, "c": "r"}"#,
        #"{"a": 1, "d": 1}"#, #"{"a": 1, "e": {"y": "1"}}"#, #"{"a": 1, "f": 1}"#, #"{"a": 1, "f": null}"#,
    ])
    func doesNotFit(_ text: String) throws { #expect(try faults(text).count == 1) }
}
