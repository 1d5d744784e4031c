import Foundation
import Lab
import LinuxSystem
import SessionLog
import Testing
import Wire

private let nfcapdIsThere = FileManager.default.isExecutableFile(atPath: "/usr/bin/nfcapd")

/// `[sessions] log = "ipfix://…"`, with the collector of nfdump, beside the box.
@Suite(.serialized, .enabled(if: isRoot && nfcapdIsThere, "needs root and nfdump"), .timeLimit(.minutes(3)))
struct CollectorTests {
    /// Over both families of the way to the collector, sessions of both families: each start and end is there, with the port
    /// that the server saw.
    @Test(arguments: ["127.0.0.1", "::1"])
    func nfdumpReadsTheSessions(_ address: String) async throws {
        try await Lab.with { lab in
            let folder = "\(lab.directory)/flows"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            let collector = try lab.spawn(
                in: .box,
                ["nfcapd", "-p", "4739", "-b", address, address == "::1" ? "-6" : "-4", "-w", folder, "-t", "60"])
            let host = address == "::1" ? "[::1]" : address
            let target = SessionTarget.ipfix(host: address, port: 4739)
            try await lab.wait(for: "nfcapd") { try await lab.inside(.box) { target.check() == nil } }
            let log = "log = \"ipfix://\(host):4739\""
            let sluice = try await lab.startSluice(configuration: lab.configuration(["sessions": log]))
            try await lab.serve()
            var expected: [Endpoint: Endpoint] = [:]
            for family in IPFamily.allCases {
                for _ in 0..<3 {
                    let conversation = try await lab.converse(lab.plan(.echo, 0, family))
                    try await conversation.bounce(10_000)
                    for connection in try await sluice.connections() {
                        let client = try #require(Endpoint(connection.client))
                        let upstream = try #require(connection.upstream?.local.flatMap { Endpoint($0) })
                        expected[client] = upstream
                    }
                    try await conversation.end()
                    try await lab.waitUntilIdle(sluice)
                }
            }
            #expect(expected.count == 6)
            #expect(try await sluice.status().sessionLog.written == 12)
            #expect(try await sluice.stop().isSuccess)
            collector.signal(SIGTERM)
            _ = try await collector.wait(within: .seconds(20))
            #expect(!collector.errors.contains("sequence errors: 1"), "\(collector.errors)")
            let flows = try await lab.reading([
                "sh", "-c", "nfdump -q -R \(folder) -o 'fmt:%sa|%sp|%nsa|%nsp|%dap|%pr|%nevt|%evt|%ts|%in'",
            ])
            let rows = flows.split(separator: "\n").map { line in
                line.split(separator: "|", omittingEmptySubsequences: false).map {
                    $0.trimmingCharacters(in: .whitespaces)
                }
            }
            for (client, upstream) in expected {
                let own = rows.filter { $0[0] == client.address.description && $0[1] == "\(client.port)" }
                let translated = own.filter { $0[3] == "\(upstream.port)" }
                #expect(translated.count == 2, "\(client): \(own)")
                #expect(translated.allSatisfy { $0[5] == "TCP" })
                // nfdump 1.7 doesn't read postNATSourceIPv6Address.
                guard client.address.isIPv4 else { continue }
                #expect(translated.allSatisfy { $0[2] == client.address.description })
            }
        }
    }
}
