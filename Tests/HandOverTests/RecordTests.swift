import Testing
import Wire

@testable import HandOver

/// What is written is read again, and nothing else is.
@Suite struct RecordTests {
    private static let tuple = FourTuple(
        client: Endpoint(address: IPAddress("10.1.0.2")!, port: 50630),
        server: Endpoint(address: IPAddress("2001:db8::1")!, port: 443))

    private func written() -> [UInt8] {
        var writer = RecordWriter()
        writer.write(UInt64.max - 1)
        writer.write(Int32(-5))
        writer.write(true)
        writer.write("faithful")
        writer.write([1, 2, 3])
        writer.write(UInt16?.none) { $0.write($1) }
        writer.write(UInt16?.some(7)) { $0.write($1) }
        writer.write(all: [UInt32](1...3)) { $0.write($1) }
        writer.write(Self.tuple)
        return writer.bytes
    }

    private func read(_ bytes: [UInt8]) throws(RecordError) {
        var reader = RecordReader(bytes)
        #expect(try reader.number(UInt64.self) == .max - 1)
        #expect(try reader.number(Int32.self) == -5)
        #expect(try reader.flag())
        #expect(try reader.text() == "faithful")
        #expect(try reader.raw() == [1, 2, 3])
        let absent = try reader.optional { (reader) throws(RecordError) in try reader.number(UInt16.self) }
        #expect(absent == nil)
        #expect(try reader.optional { (reader) throws(RecordError) in try reader.number(UInt16.self) } == 7)
        #expect(try reader.all { (reader) throws(RecordError) in try reader.number(UInt32.self) } == [1, 2, 3])
        #expect(try reader.tuple() == Self.tuple)
        try reader.finish()
    }

    @Test func valuesComeBack() throws { try read(written()) }

    @Test func whatIsCutShortIsRefused() {
        let bytes = written()
        for length in bytes.indices {
            #expect(throws: RecordError.self, "\(length) bytes") { try silently(Array(bytes[..<length])) }
        }
    }

    /// As `read`, without judging values.
    private func silently(_ bytes: [UInt8]) throws(RecordError) {
        var reader = RecordReader(bytes)
        _ = try reader.number(UInt64.self)
        _ = try reader.number(Int32.self)
        _ = try reader.flag()
        _ = try reader.text()
        _ = try reader.raw()
        for _ in 0..<2 { _ = try reader.optional { (reader) throws(RecordError) in try reader.number(UInt16.self) } }
        _ = try reader.all { (reader) throws(RecordError) in try reader.number(UInt32.self) }
        _ = try reader.tuple()
        try reader.finish()
    }

    @Test func bytesBehindTheEndAreRefused() {
        #expect(throws: RecordError.surplus(2)) { try silently(written() + [0, 0]) }
    }

    @Test func countsThatCantBeAreRefusedWithoutRoomForThem() {
        var writer = RecordWriter()
        writer.write(UInt32.max)
        var reader = RecordReader(writer.bytes)
        #expect(throws: RecordError.truncated) {
            _ = try reader.all { (reader) throws(RecordError) in try reader.number(UInt8.self) }
        }
    }

    @Test func flagsAndTextsThatCantBeAreRefused() {
        #expect(throws: RecordError.value("flag")) {
            var reader = RecordReader([2])
            _ = try reader.flag()
        }
        #expect(throws: RecordError.value("text")) {
            var reader = RecordReader([1, 0, 0, 0, 0xff])
            _ = try reader.text()
        }
    }
}
