import Foundation
import Testing

@testable import Admin

/// The stream of events: what comes, to how many, and at what cost.
@Suite(.timeLimit(.minutes(2))) struct EventTests {
    private static let quick = EventHub.Pace(interval: .milliseconds(20), share: 1)

    private func serving(
        _ pace: EventHub.Pace, limits: WebListener.Limits = .init(),
        _ body: (UInt16, MadeUpAnswers) async throws -> Void
    ) async throws {
        let made = MadeUpAnswers()
        let port = try WebClient.freePort()
        let setting = HTTPSetting(address: HTTPAddress(host: "127.0.0.1", port: port), token: nil, names: [])
        let service = try await WebService.start(on: setting, limits: limits, pace: pace, made.answers)
        do {
            try await body(port, made)
        } catch {
            await service.stop()
            throw error
        }
        await service.stop()
    }

    private static func reader(_ port: UInt16) throws -> WebClient {
        let client = try WebClient(port: port)
        client.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return client
    }

    @Test func everySectionComesAndThenWhatChanges() async throws {
        try await serving(Self.quick) { port, made in
            let (first, second) = try await onThread {
                let client = try Self.reader(port)
                let head = try client.head()
                #expect(head.status == 200 && head.fields["content-type"] == "text/event-stream")
                #expect(head.fields["content-length"] == nil)
                var first: [String: String] = [:]
                while first.count < PageSection.allCases.count {
                    let event = try client.event()
                    first[event.name] = event.data
                }
                made.setOpen(4)
                var second: [String] = []
                var last = ""
                while !last.contains("\"open\":4") {
                    let event = try client.event()
                    second.append(event.name)
                    if event.name == "status" { last = event.data }
                }
                return (first, second)
            }
            #expect(Set(first.keys) == Set(PageSection.allCases.map(\.rawValue)))
            #expect(Set(second) == ["look", "status"], "the rest is as it was")
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let paths = try decoder.decode(PathsReport.self, from: Data(first["paths"]!.utf8))
            #expect(paths.decisions.map(\.time) == (30..<50).map(Double.init))
            #expect(made.count("busiest \(EventHub.mostConnections)") > 0)
            #expect(
                try decoder.decode([FindingReport].self, from: Data(first["findings"]!.utf8)).map(\.mend) == ["renew"])
            #expect(made.count("findings") == 1)
        }
    }

    /// All readers are told the same, made once; one too many is told why not; who goes makes room.
    @Test func readersHaveALimit() async throws {
        try await serving(Self.quick) { port, made in
            try await onThread {
                var readers = try (0..<EventHub.mostReaders).map { _ in try Self.reader(port) }
                for reader in readers { #expect(try reader.head().status == 200) }
                for _ in 0..<50 {
                    let refused = try Self.reader(port).answer()
                    #expect(refused.status == 503 && refused.fields["retry-after"] == "10")
                    #expect(refused.body.contains("16 pages are open, and that is the limit"))
                }
                readers.removeLast()
                while try Self.reader(port).head().status != 200 { usleep(10_000) }
                for reader in readers { #expect(try reader.event().name == "look") }
            }
        }
    }

    @Test func nothingIsComputedForNobody() async throws {
        try await serving(Self.quick) { port, made in
            try await Task.sleep(for: .milliseconds(200))
            #expect(made.count("status") == 0 && made.count("findings") == 0)
            try await onThread {
                let reader = try Self.reader(port)
                #expect(try reader.head().status == 200)
                while try reader.event().name != "status" {}
            }
            // Its end is noticed when the next event is written.
            var counts = [made.count("status")]
            repeat {
                try await Task.sleep(for: .milliseconds(300))
                counts.append(made.count("status"))
            } while counts.suffix(2).first != counts.last
            #expect(counts.last! > 0)
        }
    }

    /// One that takes nothing is let go, and the others don't wait for it.
    @Test func oneThatDoesNotReadIsLetGo() async throws {
        try await serving(Self.quick, limits: .init(write: .milliseconds(200))) { port, made in
            try await onThread {
                let deaf = try (0..<EventHub.mostReaders).map { _ in try Self.reader(port) }
                defer { withExtendedLifetime(deaf) {} }
                for reader in deaf { #expect(try reader.head().status == 200) }
                #expect(try Self.reader(port).answer().status == 503)
                // What they are sent differs each time, so that their buffers fill.
                var open = 0
                while true {
                    open += 1
                    made.setOpen(open)
                    made.setPadding(500_000)
                    let next = try Self.reader(port)
                    if try next.head().status == 200 { break }
                    usleep(20_000)
                }
            }
        }
    }

    /// At most two per cent of a core, unless it is less than one look a second anyway.
    @Test(arguments: [
        (Duration.milliseconds(1), Duration.milliseconds(999)), (.milliseconds(20), .milliseconds(980)),
        (.milliseconds(40), .milliseconds(1960)), (.seconds(1), .seconds(49)),
    ])
    func slowLooksAreRarer(_ took: Duration, _ pause: Duration) {
        let error = EventHub.Pace().pause(after: took) - pause
        #expect(abs(error / .microseconds(1)) < 1)
    }

    @Test func aSlowReaderGetsTheNewestOfEachSection() {
        let reader = EventReader()
        let text = { (name: String) in Data(name.utf8) }
        reader.put([(.look, text("l1")), (.status, text("s1"))])
        reader.put([(.look, text("l2")), (.paths, text("p1"))])
        reader.put([(.look, text("l3"))])
        #expect(String(decoding: reader.take(), as: UTF8.self) == "l3s1p1")
        #expect(reader.take().isEmpty)
    }
}
