import PacketForge
import Subprocess
import SystemPackage
import Testing
import TraceOutput

/// From a pipe, a line comes as soon as its packet is there.
@Suite(.timeLimit(.minutes(1)))
struct LiveTests {
    @Test func linesComeWithTheirPackets() async throws {
        let frames = Conversation().handshake
        let file = PcapFile(packets: frames.map { (0, $0) }).bytes
        let first = file.count - frames[1...].reduce(0) { $0 + 16 + $1.count }
        let result = try await Subprocess.run(
            .path(FilePath(sluice)), arguments: ["decode", "-"], input: .inputWriter, output: .sequence,
            error: .discarded
        ) { execution in
            let input = execution.standardInputWriter
            _ = try await input.write(Array(file[..<first]))
            var chunks = execution.standardOutput.makeAsyncIterator()
            // Waits for ever, or rather for the suite's time limit, if the line is kept back.
            let line = try #require(await chunks.next()).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            #expect(line.contains("MP_CAPABLE v1 flags 0x01]"), "\(line)")
            _ = try await input.write(Array(file[first...]))
            try await input.finish()
            while try await chunks.next() != nil {}
        }
        #expect(result.terminationStatus == .exited(0))
    }

    /// Also what is no packet, whether or not one follows.
    @Test func eventsComeByThemselves() async throws {
        var writer = PcapngWriter(application: "Sluice test")
        writer.appendSection()
        writer.append(SteeringEventTests.event)
        let file = writer.bytes
        let result = try await Subprocess.run(
            .path(FilePath(sluice)), arguments: ["decode", "-"], input: .inputWriter, output: .sequence,
            error: .discarded
        ) { execution in
            let input = execution.standardInputWriter
            _ = try await input.write(file)
            var chunks = execution.standardOutput.makeAsyncIterator()
            let line = try #require(await chunks.next()).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            #expect(line.contains(" steering overflow: mobile active: wired: "), "\(line)")
            try await input.finish()
            while try await chunks.next() != nil {}
        }
        #expect(result.terminationStatus == .exited(0))
    }
}
