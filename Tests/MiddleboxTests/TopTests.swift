import Admin
import Lab
import Testing

@testable import sluice

/// `sluice top`: rates from two looks.
@Suite struct TopReportTests {
    private func connection(_ client: String, _ subflows: (String?, UInt64, UInt64)...) -> ConnectionReport {
        ConnectionReport(
            mode: "converted", token: nil, client: client, server: "10.9.0.2:80", state: "established", upstream: nil,
            bytesToClient: 0, bytesToServer: 0, ageUs: 0,
            subflows: subflows.enumerated().map { index, subflow in
                .init(
                    id: UInt32(index + 1), local: "10.9.0.2:80", remote: "\(client)-\(index)", localId: nil,
                    remoteId: nil,
                    interface: subflow.0, state: "established", backup: false, class: nil, bytesToClient: subflow.1,
                    bytesToServer: subflow.2, bytesRetrans: 0, rttUs: nil)
            })
    }

    @Test func ratesAreDifferences() {
        let before = [
            connection("10.1.0.2:1", ("lan0", 1000, 10), ("lan1", 500, 0)), connection("[fd00::2]:9", ("lan0", 0, 7)),
        ]
        let after = [
            connection("[fd00::2]:9", ("lan0", 0, 7)), connection("10.1.0.2:1", ("lan0", 3000, 20), ("lan1", 1500, 0)),
            connection("10.1.0.2:2", ("lan1", 250, 0)), connection("10.1.0.3:1", (nil, 0, 0)),
        ]
        let report = TopReport(from: before, to: after, seconds: 2)
        #expect(report.connections == 4)
        #expect(report.links.map(\.interface) == ["lan0", "lan1", nil])
        #expect(report.links.map(\.download) == [8000, 5000, 0])
        #expect(report.links.map(\.upload) == [40, 0, 0])
        #expect(report.links.map(\.subflows) == [2, 2, 1])
        #expect(report.clients.map(\.address) == ["10.1.0.2", "10.1.0.3", "fd00::2"])
        let busiest = report.clients[0]
        #expect(busiest.connections == 2 && busiest.subflows == 3)
        #expect(busiest.download == 13000 && busiest.upload == 40)
        #expect(busiest.links.map(\.interface) == ["lan0", "lan1"])
        #expect(busiest.links.map(\.download) == [8000, 5000])
    }

    /// Of a port that is used anew the old count says nothing.
    @Test func aCountThatHasFallenIsAnothers() {
        let report = TopReport(
            from: [connection("10.1.0.2:1", ("lan0", 9000, 0))], to: [connection("10.1.0.2:1", ("lan0", 100, 0))],
            seconds: 1)
        #expect(report.links.map(\.download) == [800])
        #expect(TopReport(from: [], to: [], seconds: 1).text(clients: 5) == "no connections")
        #expect(TopReport(from: [], to: [connection("10.1.0.2:1", ("lan0", 1, 1))], seconds: 0).links[0].download == 0)
    }

    @Test func textForPeople() {
        let after = [
            connection("10.1.0.2:1", ("lan0", 750_000, 0), ("lan1", 250_000, 0)), connection("10.1.0.3:1", (nil, 0, 0)),
        ]
        #expect(
            TopReport(from: [], to: after, seconds: 1).text(clients: 1) == """
                LINK  DOWNLOAD  UPLOAD  SUBFLOWS
                lan0  6mbit     0bit    1
                lan1  2mbit     0bit    1
                -     0bit      0bit    1

                CLIENT    DOWNLOAD  UPLOAD  CONNECTIONS  SUBFLOWS  BY
                10.1.0.2  8mbit     0bit    1            2         lan0 75%  lan1 25%
                and 1 more clients
                """)
    }
}

/// Against a running box.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(3))) struct TopTests {
    @Test func tellsWhichLinkCarriesWhat() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            let plan = lab.plan(.download, 50_000_000_000)
            async let report = lab.fetch(plan)
            defer { server.stop() }
            try await lab.wait(for: "both links to carry") {
                let subflows = try await sluice.connections().first?.subflows ?? []
                return subflows.count == 2 && subflows.allSatisfy { $0.bytesToClient > 100_000 }
            }
            let text = try await sluice.command("top", "--once")
            #expect(text.status.isSuccess, "\(text.errors)")
            #expect(text.output.contains(#/CLIENT +DOWNLOAD[^\n]*\n10\.1\.0\.2 +\d/#), "\(text.output)")
            let json: TopReport = try await sluice.decoded(["top", "--once"])
            #expect(json.connections == 1)
            #expect(Set(json.links.map(\.interface)) == ["lan0", "lan1"])
            #expect(json.seconds >= 1)
            #expect(json.clients.map(\.address) == ["10.1.0.2"])
            #expect(json.clients[0].download > 0)
            #expect(json.clients[0].download == json.links.reduce(0) { $0 + $1.download })
            let wrong = try await sluice.command("top", "--clients", "0")
            #expect(wrong.status == .exited(64) && wrong.errors.contains("give at least 1"))
            server.stop()
            #expect(try await report.failures.count == 1)
        }
    }
}
