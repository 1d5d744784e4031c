import Foundation
import Lab
import Testing

/// Each scenario keeps what it promises, as tshark reads it in a recording made at the client.
@Suite(.serialized, .enabled(if: canRecord, needsRecorder))
struct ScenarioTests {
    /// What has to occur in the recording, beside `negotiation`.
    private static let promises = [
        "two-subflows": ["client MP_JOIN SYN", "peer MP_JOIN SYN-ACK", "client MP_JOIN ACK"],
        "three-subflows": ["client MP_JOIN SYN", "peer MP_JOIN SYN-ACK", "client MP_JOIN ACK"],
        "backup-subflow": ["client MP_JOIN SYN backup", "peer MP_JOIN SYN-ACK", "client MP_JOIN ACK"],
        "priority-by-client": ["client MP_PRIO backup", "client MP_PRIO nobackup"],
        "priority-by-peer": ["peer MP_PRIO backup", "peer MP_PRIO nobackup"],
        "address-by-peer": ["peer ADD_ADDR", "client ADD_ADDR echo", "peer REMOVE_ADDR", "client MP_JOIN SYN"],
        "address-and-port-by-peer": ["peer ADD_ADDR port", "client ADD_ADDR echo", "peer REMOVE_ADDR"],
        "address-and-port-by-client": ["client ADD_ADDR port", "peer ADD_ADDR echo", "client REMOVE_ADDR"],
        "addresses-withdrawn-together": ["peer ADD_ADDR", "client ADD_ADDR echo", "peer REMOVE_ADDR of several"],
        "half-close-by-client": ["client DATA_FIN", "peer data after DATA_FIN", "peer DATA_FIN"],
        "half-close-by-peer": ["peer DATA_FIN", "client data after DATA_FIN", "client DATA_FIN"],
        "fastclose-by-client": ["client MP_FASTCLOSE", "client RST"],
        "fastclose-by-peer": ["peer MP_FASTCLOSE", "peer RST"],
        "subflow-closed": ["client REMOVE_ADDR", "client FIN"],
        "subflow-reset": ["client MP_TCPRST 0x00", "client RST"],
        "join-refused": ["client MP_JOIN ACK", "peer MP_TCPRST 0x03", "peer RST"],
        "plain-server": ["client MP_CAPABLE SYN", "peer plain SYN-ACK", "client FIN"],
        "stripped-syn-ack": ["client MP_CAPABLE SYN", "peer plain SYN-ACK", "client FIN"],
        "stripped-after-syn": ["peer plain ACK", "client FIN"],
        "checksums": ["client DSS checksum", "peer DSS checksum", "client MP_JOIN SYN"],
        "checksum-failure-alone": ["client MP_FAIL", "peer infinite mapping"],
        "checksum-failure-with-others": ["client MP_FAIL", "client RST"],
    ]

    /// What has to occur unless MPTCP isn't even negotiated.
    private static let negotiation = ["client MP_CAPABLE SYN", "peer MP_CAPABLE SYN-ACK", "client MP_CAPABLE ACK"]
    private static let unnegotiated = ["plain-server", "stripped-syn-ack"]
    /// How many joins succeed, and data goes over two subflows at least. (Which bytes go where is up to the kernel's
    /// scheduler.)
    private static let joins = ["two-subflows": 1, "three-subflows": 2, "checksum-failure-with-others": 1]

    struct Performance: Sendable, CustomTestStringConvertible {
        let scenario: Scenario
        let route: Scenario.Route
        var testDescription: String { "\(scenario) \(route.rawValue)" }
    }

    static let performances = Scenario.all.flatMap { scenario in
        scenario.routes.map { Performance(scenario: scenario, route: $0) }
    }

    @Test(arguments: performances) func aScenarioKeepsItsPromise(_ performance: Performance) async throws {
        let scenario = performance.scenario
        try await Lab.with(scenario.configuration) { lab in
            let stage = try await lab.stage(scenario, performance.route)
            var recordings: [String] = []
            for family in IPFamily.allCases {
                let recording = try await lab.record(in: .client(0), filter: "tcp")
                var failure: (any Error)?
                do { try await scenario.play(on: stage, family) } catch { failure = error }
                recordings.append(try await recording.stop())
                // What went wrong can be seen there, too.
                try keep(recordings.last!, performance, family)
                if let failure { throw failure }
            }
            // At the same time, because tshark takes long to start.
            async let first = Capture(recordings[0], in: lab)
            async let second = Capture(recordings[1], in: lab)
            for capture in try await [first, second] { try verify(capture, scenario) }
        }
    }

    private func verify(_ capture: Capture, _ scenario: Scenario) throws {
        let common = Self.unnegotiated.contains(scenario.name) ? [] : Self.negotiation
        for fact in try #require(Self.promises[scenario.name]) + common {
            #expect(capture.count(fact) > 0, "\(fact): \(capture.facts)")
        }
        if let joins = Self.joins[scenario.name] {
            #expect(capture.count("client MP_JOIN ACK") >= joins)
            #expect(capture.streamsWithData.count > 1)
        }
    }

    /// Copies a recording to where the environment says.
    private func keep(_ path: String, _ performance: Performance, _ family: IPFamily) throws {
        guard let folder = ProcessInfo.processInfo.environment["SLUICE_CAPTURES"] else { return }
        let route = performance.route == .endToEnd ? "" : "-sluice"
        let copy = "\(folder)/\(performance.scenario)\(route)-\(family).pcap"
        try Data(contentsOf: URL(fileURLWithPath: path)).write(to: URL(fileURLWithPath: copy))
    }
}
