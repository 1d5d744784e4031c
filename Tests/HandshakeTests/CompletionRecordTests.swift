import Handshake
import Testing

@Suite struct CompletionRecordTests {
    private static let minute: UInt64 = 60_000_000_000

    @Test("three failures in a row have an interface's SYNs pass for ten minutes")
    func failuresInARow() {
        var record = CompletionRecord()
        expect(&record, fails: [false, false], at: 0)
        #expect(!record.passes(from: 1, at: 1))
        // Behind the third one come SYNs that were on their way.
        expect(&record, fails: [true, false, false], at: 2)
        #expect(record.passes(from: 1, at: 2) && !record.passes(from: 2, at: 2))
        #expect(record.passes(from: 1, at: 9 * Self.minute) && !record.passes(from: 1, at: 11 * Self.minute))
        expect(&record, fails: [true], at: 11 * Self.minute)
        #expect(record.passes(from: 1, at: 20 * Self.minute))
    }

    @Test("for an hour behind a handshake that is completed, failures say nothing")
    func completed() {
        var record = CompletionRecord()
        expect(&record, fails: [false, false], at: 0)
        record.completed(from: 1, at: 1)
        expect(&record, fails: [false, false, false, false], at: 59 * Self.minute)
        expect(&record, fails: [false, false, true], at: 61 * Self.minute)
        record.completed(from: 1, at: 62 * Self.minute)
        #expect(!record.passes(from: 1, at: 62 * Self.minute))
    }

    private func expect(_ record: inout CompletionRecord, fails: [Bool], at now: UInt64) {
        for isLast in fails {
            let passes = record.failed(from: 1, at: now)
            #expect(passes == isLast)
        }
    }
}
