import Lab
import LinuxSystem
import Testing

@Suite(.serialized, .enabled(if: canRecord, needsRecorder)) struct RecordingTests {
    /// What is under way when `stop` is called is in the file, too, and nothing is lost.
    @Test(arguments: [nil, "lan0"]) func aRecordingIsComplete(_ interface: String?) async throws {
        try await Lab.with { lab in
            let recording = try await lab.record(in: .client(0), interface: interface, filter: "icmp")
            for _ in 0..<50 { _ = try await lab.ping(from: .client(0), to: lab.address(.server(0))) }
            let path = try await recording.stop()
            let lines = try await lab.run(in: .client(0), ["tcpdump", "-nr", path])
            #expect(lines.output.split(separator: "\n").count == 100)
            #expect(lines.errors.contains(interface == nil ? "LINUX_SLL2" : "EN10MB"))
            // The magic number of nanoseconds, little-endian.
            let magic = try await lab.run(in: .client(0), ["od", "-An", "-tx4", "-N4", path]).output
            #expect(magic.contains("a1b23c4d"))
        }
    }

    @Test func aWrongFilterIsReported() async throws {
        try await Lab.with { lab in
            let error = await #expect(throws: LabError.self) {
                _ = try await lab.record(in: .box, filter: "no such filter")
            }
            let text = try #require(error).description
            #expect(text.contains("syntax error"))
        }
    }

    @Test func aConversationKnowsDamage() async throws {
        try await Lab.with { lab in
            try await lab.serve()
            let conversation = try await lab.converse(FetchPlan(to: lab.endpoint(.server(0), port: 5000), .tcp))
            try await conversation.bounce(1000)
            await #expect(throws: PeerError.intact) { try await conversation.bounce(1000, isDamaged: true) }
            try await conversation.end()
        }
    }
}
