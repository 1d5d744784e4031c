import LinuxSystem
import Testing

@testable import Converter

/// What becomes of one direction of a session whose daemon has died.
@Suite struct SessionSalvageTests {
    /// By what the kernel counts, without the ends of streams, which come in by name.
    private struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let source: StreamCounts?
        let destination: StreamCounts?
        let remains: SessionSalvage.Remains
        let verdict: SessionSalvage.Verdict

        init(
            _ description: String, taken: UInt64 = 0, unread: UInt64 = 0, given: UInt64 = 0, ended: Bool = false,
            _ remains: SessionSalvage.Remains, _ verdict: SessionSalvage.Verdict,
            change: (inout StreamCounts?, inout StreamCounts?) -> Void = { _, _ in }
        ) {
            testDescription = description
            var source: StreamCounts? = StreamCounts(
                received: taken + unread, unread: unread, given: 77, hasEnded: ended)
            var destination: StreamCounts? = StreamCounts(received: 5, unread: 0, given: given)
            change(&source, &destination)
            (self.source, self.destination, self.remains, self.verdict) = (source, destination, remains, verdict)
        }

        init(
            _ description: String, taken: UInt64 = 0, unread: UInt64 = 0, given: UInt64 = 0, ended: Bool = false,
            _ verdict: SessionSalvage.Verdict, change: (inout StreamCounts?, inout StreamCounts?) -> Void = { _, _ in }
        ) {
            self.init(
                description, taken: taken, unread: unread, given: given, ended: ended, .init(), verdict, change: change)
        }
    }

    private static func goesOn(_ given: UInt64, _ rest: SessionSalvage.Rest = .nothing) -> SessionSalvage.Verdict {
        .goesOn(.init(given: given, rest: rest))
    }

    private static let large: UInt64 = 1 << 40
    private static let chunk = UInt64(HalfDuplex.largestChunk)

    private static let cases: [Case] = [
        Case("nothing was ever sent", goesOn(0)),
        Case("all that was taken was given", taken: 1000, given: 1000, goesOn(1000)),
        Case("the same beyond 32 bits", taken: large, given: large, goesOn(large)),
        Case("what nobody has read is the socket's", taken: 1000, unread: 5000, given: 1000, goesOn(1000)),
        Case(
            "a buffer from before is nobody's", taken: 1000, given: 1000, .init(moving: .init(base: 900)), goesOn(1000)),
        Case("a byte was taken, and nothing noted", taken: 1001, given: 1000, .resets(.bytes)),
        Case("a byte more was given than taken", taken: 1000, given: 1001, .resets(.counts)),
        Case("more was given than taken", taken: 1000, given: 2000, .resets(.counts)),
        // Ends.
        Case("the end has come, and isn't passed on", taken: 1000, given: 1000, ended: true, goesOn(1000)),
        Case("the end has been passed on", taken: 1000, given: 1001, ended: true, goesOn(1000)),
        Case("the end of nothing has been passed on", taken: 0, given: 1, ended: true, goesOn(0)),
        Case("two more than taken", taken: 1000, given: 1002, ended: true, .resets(.counts)),
        Case(
            "the end has come, and bytes wait", taken: 1000, given: 400, ended: true, .init(waiting: .init(base: 300)),
            goesOn(400, .waiting(100..<700))),
        Case(
            "the end has come, and bytes are lost", taken: 1000, given: 999, ended: true, .resets(.bytes)),
        Case("the end is among what nobody has read", taken: 1000, unread: 7, given: 1000, ended: true, goesOn(1000)),
        // Bytes that wait.
        Case(
            "a whole chunk waits", taken: large + chunk, given: large, .init(waiting: .init(base: large)),
            goesOn(large, .waiting(0..<Int(chunk)))),
        Case(
            "the last byte of it waits", taken: large + chunk, given: large + chunk - 1,
            .init(waiting: .init(base: large)),
            goesOn(large + chunk - 1, .waiting(Int(chunk) - 1..<Int(chunk)))),
        Case(
            "one byte more than a chunk", taken: large + chunk + 1, given: large, .init(waiting: .init(base: large)),
            .resets(.bytes)),
        Case(
            "it begins behind what is missing", taken: 2000, given: 1000, .init(waiting: .init(base: 1001)),
            .resets(.bytes)),
        Case(
            "it was given to the last byte", taken: 2000, given: 2000, .init(waiting: .init(base: 1000)), goesOn(2000)),
        // Bytes that were moved.
        Case(
            "read, not written", taken: 1500, given: 1000, .init(moving: .init(base: 1000)),
            goesOn(1000, .moving(0..<500, inPipe: 0))),
        Case(
            "written in part", taken: 1500, given: 1300, .init(moving: .init(base: 1000)),
            goesOn(1300, .moving(300..<500, inPipe: 0))),
        Case(
            "kept, and still where it was read to", taken: 1500, given: 1300,
            .init(waiting: .init(base: 1300), moving: .init(base: 1000)), goesOn(1300, .waiting(0..<200))),
        Case(
            "the buffer that waits is an old one", taken: large + 500, given: large,
            .init(waiting: .init(base: 1000), moving: .init(base: large)), goesOn(large, .moving(0..<500, inPipe: 0))),
        // The pipe.
        Case(
            "all in the pipe", taken: 1500, given: 1000, .init(moving: .init(base: 1000), inPipe: 500),
            goesOn(1000, .moving(0..<0, inPipe: 500))),
        Case(
            "partly passed on", taken: 1500, given: 1200, .init(moving: .init(base: 1000), inPipe: 300),
            goesOn(1200, .moving(200..<200, inPipe: 300))),
        Case(
            "partly taken out again", taken: 1500, given: 1200, .init(moving: .init(base: 1000), inPipe: 100),
            goesOn(1200, .moving(200..<400, inPipe: 100))),
        Case(
            "the pipe has more than is missing", taken: 1500, given: 1200,
            .init(moving: .init(base: 1000), inPipe: 301), .resets(.bytes)),
        Case(
            "the pipe has something, and nothing is missing", taken: 1500, given: 1500,
            .init(moving: .init(base: 1000), inPipe: 1), .resets(.counts)),
        Case("the pipe's bytes, and nobody's note", taken: 1500, given: 1200, .init(inPipe: 300), .resets(.bytes)),
        // Ends that fail.
        Case("the source was reset", taken: 10, given: 10, .resets(.reset)) { source, _ in source?.hasFailed = true },
        Case("the destination was reset", taken: 10, given: 10, .resets(.reset)) { _, destination in
            destination?.hasFailed = true
        },
        Case("both streams have ended", taken: 10, given: 11, ended: true, goesOn(10)) { source, destination in
            source?.isClosed = true
            destination?.isClosed = true
        },
        Case(
            "both have ended, and bytes wait", taken: 10, given: 5, ended: true, .init(waiting: .init(base: 0)),
            .resets(.reset)
        ) { source, _ in
            source?.isClosed = true
        },
        Case("the kernel doesn't tell of the source", .resets(.unknown)) { source, _ in source = nil },
        Case("nor of the destination", .resets(.unknown)) { _, destination in destination = nil },
        Case("more unread than received", .resets(.counts)) { source, _ in source?.unread = 1 },
    ]

    @Test(arguments: cases) private func verdict(_ row: Case) {
        #expect(SessionSalvage.judge(from: row.source, to: row.destination, row.remains) == row.verdict)
    }
}
