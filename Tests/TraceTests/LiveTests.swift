import PacketForge
import Subprocess
import Testing

/// From a pipe, a line comes as soon as its packet is there.
@Suite(.timeLimit(.minutes(1)))
struct LiveTests {
    @Test func linesComeWithTheirPackets() async throws {
        let frames = Conversation().handshake
        let file = PcapFile(packets: frames.map { (0, $0) }).bytes
        let first = file.count - frames[1...].reduce(0) { $0 + 16 + $1.count }
        let result = try await Subprocess.run(
            .path(.init(sluice)), arguments: ["decode", "-"], error: .discarded
        ) { _, input, output, _ in
            _ = try await input.write(Array(file[..<first]))
            var lines = output.lines().makeAsyncIterator()
            // Waits for ever, or rather for the suite's time limit, if the line is kept back.
            let line = try await lines.next()
            #expect(line?.contains("MP_CAPABLE v1 flags 0x01]") == true, "\(line ?? "")")
            _ = try await input.write(Array(file[first...]))
            try await input.finish()
            while try await lines.next() != nil {}
        }
        #expect(result.terminationStatus == .exited(0))
    }
}
