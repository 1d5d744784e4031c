import Testing

@testable import Capture

/// Entries of a journal between packets.
@Suite struct JournalTests {
    private static func entry(_ bytes: [UInt8]) -> JournalEntry { JournalEntry(frame: 1, bytes) }

    private static func entry(_ text: String) -> JournalEntry { entry(Array(text.utf8)) }

    @Test func fieldsAreLines() {
        let entry = Self.entry("__REALTIME_TIMESTAMP=5\nMESSAGE=a=b \u{e4}\nEMPTY=\n\n")
        #expect(entry["__REALTIME_TIMESTAMP"] == "5")
        #expect(entry["MESSAGE"] == "a=b \u{e4}")
        #expect(entry["EMPTY"] == "")
        #expect(entry["OTHER"] == nil)
    }

    @Test func theFirstOfAName() { #expect(Self.entry("A=1\nA=2\n")["A"] == "1") }

    /// Its length, and then all that it takes.
    @Test func aValueOfSeveralLines() {
        let value = Array("one\ntwo=2\n".utf8)
        let entry = Self.entry(
            Array("MESSAGE\n".utf8) + [UInt8(value.count), 0, 0, 0, 0, 0, 0, 0] + value + Array("\nB=2\n\n".utf8))
        #expect(entry["MESSAGE"] == "one\ntwo=2\n" && entry["two"] == nil && entry["B"] == "2")
    }

    /// What stands before the fault is there.
    @Test(
        arguments: [
            "A=1", "A=1\nB", "A=1\nB\n", "A=1\n\nB=2\n", "A=1\nB\n\u{1}\0\0\0\0\0\0", "A=1\nB\n\u{2}\0\0\0\0\0\0\0x\n",
            "A=1\nB\n\u{1}\0\0\0\0\0\0\0xy\n",
        ])
    func whatBreaksOff(text: String) {
        let entry = Self.entry(text)
        #expect(entry["A"] == (text == "A=1" ? nil : "1"))
        #expect(entry["B"] == nil)
    }

    @Test func anyLengthIsBelievedOnlyIfItIsThere() {
        let entry = Self.entry(Array("A=1\nB\n".utf8) + [UInt8](repeating: 0xff, count: 8) + Array("x\nC=3\n".utf8))
        #expect(entry["A"] == "1" && entry["B"] == nil && entry["C"] == nil)
    }

    @Test func noMoreFieldsThanAreKept() {
        let entry = Self.entry((0..<1000).map { "F\($0)=\($0)\n" }.joined())
        #expect(entry["F0"] == "0" && entry["F127"] == "127" && entry["F128"] == nil)
    }

    /// In either byte order, wherever it stands; frames count entries, as Wireshark does.
    @Test(arguments: Writer.allCases)
    func entriesAreToldBetweenPackets(writer: Writer) throws {
        let entries = ["a", "bc", "def"].map { writer.block(9, Array("MESSAGE=\($0)\n\n".utf8)) }
        let file =
            writer.section() + entries[0] + writer.interface() + writer.enhancedPacket([1]) + entries[1] + entries[2]
            + writer.enhancedPacket([2]) + entries[0]
        var reader = CaptureReader(bytes: file)
        var seen: [String] = []
        while let packet = try reader.next(journal: { seen.append("\($0.frame) \($0["MESSAGE"] ?? "")") }) {
            seen.append("\(packet.frame) packet")
        }
        #expect(seen == ["1 a", "2 packet", "3 bc", "4 def", "5 packet", "6 a"])
        #expect(readAll(file).packets.map(\.frame) == [2, 5])
    }

    @Test func aBlockThatBreaksOffIsNamed() {
        let writer = Writer.little
        let file = writer.section() + writer.block(9, Array("MESSAGE=a\n\n".utf8))
        #expect(
            readAll(Array(file.dropLast(5))).error?.description.contains("systemd journal export block") == true)
    }
}
