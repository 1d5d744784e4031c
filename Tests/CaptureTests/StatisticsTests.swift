import Testing

@testable import Capture

/// Interface statistics blocks.
@Suite struct StatisticsTests {
    private static func block(
        _ write: Writer, interface: UInt32 = 0, delivered: UInt64? = nil, dropped: UInt64? = nil,
        droppedBySystem: UInt64? = nil
    ) -> [UInt8] {
        let counts = [(7, droppedBySystem), (8, delivered), (5, dropped)] as [(UInt16, UInt64?)]
        let options = counts.flatMap { code, count in count.map { write.option(code, write($0)) } ?? [] }
        return write.block(5, write(interface) + write(UInt64(0)) + options)
    }

    private static func statistics(_ file: [UInt8]) throws -> CaptureStatistics? {
        var reader = CaptureReader(bytes: file)
        while try reader.next() != nil {}
        return reader.statistics
    }

    @Test func littleEndianByteByByte() throws {
        let write = Writer.little
        let file: [UInt8] =
            write.section() + write.interface() + [
                5, 0, 0, 0, 52, 0, 0, 0,  // interface statistics block, length
                0, 0, 0, 0,  // interface 0
                1, 0, 0, 0, 2, 0, 0, 0,  // time
                5, 0, 8, 0, 3, 0, 0, 0, 0, 0, 0, 0,  // isb_ifdrop
                8, 0, 8, 0, 7, 1, 0, 0, 0, 0, 0, 0,  // isb_usrdeliv
                0, 0, 0, 0,  // opt_endofopt
                52, 0, 0, 0,
            ]
        #expect(try Self.statistics(file) == CaptureStatistics(delivered: 263, dropped: 3))
    }

    /// Blocks count from the capture's beginning on: the last one holds, wherever it stands.
    @Test(arguments: Writer.allCases) func theLastOfAnInterfaceHolds(_ write: Writer) throws {
        let file =
            write.section() + write.interface() + write.interface()
            + Self.block(write, delivered: 1, dropped: 5) + Self.block(write, interface: 1, delivered: 10)
            + write.enhancedPacket([1]) + Self.block(write, delivered: 2, dropped: 6, droppedBySystem: 100)
        #expect(try Self.statistics(file) == CaptureStatistics(delivered: 12, dropped: 106))
    }

    @Test func sectionsAddUp() throws {
        let (big, little) = (Writer.big, Writer.little)
        let file =
            big.section() + big.interface() + Self.block(big, delivered: 1) + little.section() + little.interface()
            + Self.block(little, delivered: 2, dropped: 0) + big.section()
        #expect(try Self.statistics(file) == CaptureStatistics(delivered: 3, dropped: 0))
    }

    /// What isn't said isn't 0.
    @Test(arguments: Writer.allCases) func whoSaysNothing(_ write: Writer) throws {
        let file = write.section() + write.interface()
        #expect(try Self.statistics(file) == nil)
        #expect(try Self.statistics(file + Self.block(write)) == CaptureStatistics())
        #expect(try Self.statistics(file + Self.block(write, interface: 1, dropped: 4)) == nil)
        #expect(try Self.statistics(write.pcapHeader()) == nil)
    }

    @Test(arguments: Writer.allCases) func hostileNumbers(_ write: Writer) throws {
        let file =
            write.section() + write.interface()
            + Self.block(write, delivered: .max, dropped: .max, droppedBySystem: .max)
        #expect(try Self.statistics(file + file) == CaptureStatistics(delivered: .max, dropped: .max))
    }

    @Test(arguments: Writer.allCases) func malformed(_ write: Writer) {
        let head = write.section() + write.interface()
        let short = head + write.block(5, [UInt8](repeating: 0, count: 8))
        #expect(readAll(short).error == .badBlockLength(.statistics, length: 20, offset: head.count))
        let option = head + write.block(5, [UInt8](repeating: 0, count: 12) + write.option(8, [1, 2, 3, 4]))
        #expect(readAll(option).error == .badOption(code: 8, length: 4, offset: head.count + 20))
    }

    /// The packets before it are there.
    @Test func afterAPacketThatBreaksOff() throws {
        let write = Writer.little
        let head = write.section() + write.interface() + write.enhancedPacket([1]) + Self.block(write, dropped: 4)
        var reader = CaptureReader(bytes: head + write.enhancedPacket([2]).dropLast())
        #expect(try reader.nextSeen()?.bytes == [1])
        #expect(reader.statistics == nil)
        #expect(throws: CaptureError.self) { try reader.nextSeen() }
        #expect(reader.statistics == CaptureStatistics(dropped: 4))
    }
}

/// What programs have added of their own.
@Suite struct CustomOptionTests {
    @Test(arguments: Writer.allCases) func theyAreHandedOut(_ write: Writer) throws {
        let options =
            write.option(2989, write(UInt32(32473)) + [1, 2, 3]) + write.option(19373, write(UInt32.max))
            // A text, which is the writer's own kind, and one that ends before its number does.
            + write.option(2988, write(UInt32(1)) + [0x68]) + write.option(2989, [1, 2, 3])
        let file = write.section() + write.interface() + write.enhancedPacket([1], options: options)
        var reader = CaptureReader(bytes: file)
        guard let packet = try reader.next() else { throw CaptureError.empty }
        #expect(
            packet.customOptions == [
                CustomOption(enterprise: 32473, bytes: [1, 2, 3]), CustomOption(enterprise: .max, bytes: []),
            ])
    }

    @Test func noMoreThanAnybodyWrites() throws {
        let write = Writer.little
        let options = (0..<40).flatMap { write.option(2989, write(UInt32($0))) }
        let file = write.section() + write.interface() + write.enhancedPacket([1], options: options)
        var reader = CaptureReader(bytes: file)
        guard let packet = try reader.next() else { throw CaptureError.empty }
        #expect(packet.customOptions.map(\.enterprise) == Array(0..<16))
    }
}
