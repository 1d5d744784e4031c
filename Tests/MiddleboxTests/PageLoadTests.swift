import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

/// Whoever comes to the TCP address, and however many: the daemon does its work.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5))) struct PageLoadTests {
    private static let port: UInt16 = 9470

    /// Asks from inside the box; nil: nobody takes it. Returns the descriptor.
    private static func connect(_ request: [UInt8]) throws -> Int32? {
        guard let socket = try? StreamSocket.open(.tcp, for: IPAddress("127.0.0.1")!) else { return nil }
        try? socket.connect(to: Endpoint("127.0.0.1:\(port)")!)
        let descriptor = socket.release()
        // A connection that is under way takes what is sent when it stands.
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&waiting, 1, 10_000) == 1 else {
            close(descriptor)
            return nil
        }
        _ = send(descriptor, request, request.count, Int32(MSG_NOSIGNAL))
        return descriptor
    }

    /// The first line of the answer.
    private static func line(_ descriptor: Int32) -> String {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 30_000) == 1 else { return "silence" }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = max(0, recv(descriptor, &bytes, bytes.count, 0))
        return String(decoding: bytes[..<count].prefix { $0 != 13 }, as: UTF8.self)
    }

    /// The first line of the answer by a daemon that has room. Pages that have just been closed still take it for a while.
    private static func answer(to request: [UInt8]) throws -> String {
        for _ in 0..<300 {
            guard let client = try connect(request) else { return "no connection" }
            defer { close(client) }
            let line = line(client)
            guard line == "HTTP/1.1 503 Service Unavailable" else { return line }
            usleep(100_000)
        }
        return "no room for 30 s"
    }

    /// A thousand pages at once, and noise, while connections come and go: of the pages sixteen are served, the others are
    /// told why not, and no transfer suffers.
    @Test func aThousandPagesAndNoise() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["admin": "http = \"127.0.0.1:\(Self.port)\""]))
            try await lab.serve()
            let descriptors = try lab.descriptors(of: sluice)
            var plan = lab.plan(.echo, 0)
            plan.length = 0...300_000
            plan.count = 600
            plan.parallel = 20
            let load = plan
            async let report = lab.fetch(load)
            let lines = try await lab.inside(.box) { () throws -> [String] in
                let request = Array("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
                let pages = try (0..<1000).map { _ in try Self.connect(request) }
                defer { for case let page? in pages { close(page) } }
                return pages.map { $0.map(Self.line) ?? "no connection" }
            }
            #expect(lines.count { $0 == "HTTP/1.1 200 OK" } <= 16)
            #expect(lines.contains("HTTP/1.1 200 OK"))
            #expect(Set(lines).isSubset(of: ["HTTP/1.1 200 OK", "HTTP/1.1 503 Service Unavailable"]), "\(Set(lines))")
            let noise = try await lab.inside(.box) { () throws -> [String] in
                let samples: [[UInt8]] = [
                    [0x16, 3, 1, 2, 0, 1, 0, 1], Array("SSH-2.0-x\r\n".utf8), Array("\0\0\0".utf8),
                    Array("GET /../../etc/passwd HTTP/1.1\r\nHost: a\u{0}b\r\n\r\n".utf8),
                    Array("GET / HTTP/1.1\r\nX: ".utf8) + [UInt8](repeating: 0x41, count: 20_000),
                ]
                return try (0..<500).map { try Self.answer(to: samples[$0 % samples.count]) }
            }
            let refusals = ["HTTP/1.1 400 Bad Request", "HTTP/1.1 431 Request Header Fields Too Large"]
            #expect(Set(noise) == Set(refusals), "\(Set(noise))")
            #expect(try await report.failures == [:])
            #expect(
                try await lab.reading(["curl", "-s", "http://127.0.0.1:\(Self.port)/v1/status"]).contains("\"running\"")
            )
            try await lab.waitUntilIdle(sluice)
            try await lab.wait(for: "descriptors to be given back", within: .seconds(30)) {
                try lab.descriptors(of: sluice) <= descriptors + 2
            }
            #expect(!sluice.log.contains("error:"), "\(sluice.log)")
        }
    }

    /// With more connections than are shown: those that move the most are there, and the sums are whole.
    @Test func theBusiestAreShown() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["admin": "http = \"127.0.0.1:\(Self.port)\""]))
            let server = try await lab.serve()
            defer { server.stop() }
            var quiet = lab.endlessPlan()
            quiet.count = 150
            quiet.parallel = 150
            var busy = lab.plan(.download, 50_000_000_000)
            busy.seed = 1000
            let (many, one) = (quiet, busy)
            async let report = lab.fetch(many)
            async let otherReport = lab.fetch(one)
            try await lab.wait(for: "all to be there", within: .seconds(30)) {
                let connections = try await sluice.connections()
                return connections.count == 151 && connections.contains { $0.bytesToClient > 1_000_000 }
            }
            let reading = try lab.spawn(in: .box, ["curl", "-sSN", "http://127.0.0.1:\(Self.port)/v1/events"])
            defer { reading.signal(SIGTERM) }
            try await lab.wait(for: "two looks", within: .seconds(30)) {
                reading.output.matches(of: /event: connections\n/).count >= 3
            }
            let data = try #require(reading.output.matches(of: /event: connections\ndata: (.*)\n\n/).last?.1)
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let busiest = try decoder.decode(Busiest.self, from: Data(data.utf8))
            #expect(busiest.total == 151 && busiest.connections.count == 100)
            #expect(busiest.connections[0].bytesToClient > 1_000_000)
            #expect(busiest.otherBytesToClient == 0 && busiest.otherBytesToServer > 0)
            server.stop()
            _ = try await (report, otherReport)
        }
    }

    private struct Busiest: Decodable {
        struct Connection: Decodable {
            let bytesToClient: UInt64
        }

        let total: Int
        let connections: [Connection]
        let otherBytesToClient: UInt64
        let otherBytesToServer: UInt64
    }
}
