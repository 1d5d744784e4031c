import Glibc
import SystemPackage
import Testing

@testable import Capture

/// A stream whose reader gets at one time what one write has put in, and EAGAIN instead of a wait: asking for more than
/// has arrived is an error here.
private struct Stream: ~Copyable {
    let input: Int32
    let output: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        // As a pipe in packet mode, which Swift doesn't see: a read ends where the write did.
        let type = Int32(SOCK_SEQPACKET.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        try #require(socketpair(AF_UNIX, type, 0, &ends) == 0)
        (input, output) = (ends[0], ends[1])
    }

    deinit {
        close(input)
        close(output)
    }

    borrowing func write(_ bytes: [UInt8]) throws {
        try #require(Glibc.write(output, bytes, bytes.count) == bytes.count)
    }
}

@Suite struct StreamTests {
    private let write = Writer.little

    private func twoPackets(_ format: String) -> [[UInt8]] {
        format == "pcap"
            ? [write.pcapHeader(), write.pcapRecord([1, 2, 3]), write.pcapRecord([4])]
            : [write.section() + write.interface(), write.enhancedPacket([1, 2, 3]), write.enhancedPacket([4])]
    }

    @Test(arguments: ["pcap", "pcapng"]) func oneByteAtATime(_ format: String) throws {
        let stream = try Stream()
        let bytes = twoPackets(format).flatMap { $0 }
        for byte in bytes { try stream.write([byte]) }
        let (packets, error) = readAll(CaptureReader(descriptor: stream.input))
        #expect(packets.map(\.bytes) == [[1, 2, 3], [4]])
        // The other end is open: this is no end of the capture.
        #expect(error == .unreadable(.resourceTemporarilyUnavailable, offset: bytes.count))
    }

    @Test(arguments: ["pcap", "pcapng"]) func aPacketComesWithItsLastByte(_ format: String) throws {
        let stream = try Stream()
        let parts = twoPackets(format)
        var reader = CaptureReader(descriptor: stream.input)
        try stream.write(parts[0])
        try stream.write(parts[1])
        let first = try reader.nextSeen()
        #expect(first?.bytes == [1, 2, 3])
        try stream.write(Array(parts[2].dropLast()))
        try stream.write([parts[2].last!])
        let second = try reader.nextSeen()
        #expect(second?.frame == 2)
        #expect(second?.bytes == [4])
    }

    @Test(arguments: ["pcap", "pcapng"]) func aPipeIsReadToItsEnd(_ format: String) throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let bytes = twoPackets(format).flatMap { $0 }
        let written = Glibc.write(ends[1], bytes, bytes.count)
        close(ends[1])
        try #require(written == bytes.count)
        let (packets, error) = readAll(CaptureReader(descriptor: ends[0]))
        #expect(packets.map(\.bytes) == [[1, 2, 3], [4]])
        #expect(error == nil)
    }

    /// Records of many lengths, so that they lie across the ends of the buffer in many ways, and longer ones than it.
    @Test func manyPacketsOfAllLengths() {
        let lengths = Array(0..<600) + [65_536, 70_000, 1, 262_144, 65_535, 65_520, 65_519]
        var file = write.pcapHeader()
        for length in lengths { file += write.pcapRecord([UInt8](repeating: UInt8(length & 0xff), count: length)) }
        let (packets, error) = readAll(file)
        #expect(error == nil)
        #expect(packets.map(\.bytes.count) == lengths)
        #expect(packets.allSatisfy { packet in packet.bytes.allSatisfy { $0 == UInt8(packet.bytes.count & 0xff) } })
        #expect(packets.map(\.frame) == Array(1...lengths.count))
    }

    @Test func aFileIsReadToItsEnd() throws {
        var path = Array("/tmp/sluice-capture-XXXXXX".utf8CString)
        let file = mkstemp(&path)
        try #require(file >= 0)
        unlink(path)
        defer { close(file) }
        let bytes = twoPackets("pcapng").flatMap { $0 }
        try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
        lseek(file, 0, SEEK_SET)
        let (packets, error) = readAll(CaptureReader(descriptor: file))
        #expect(packets.count == 2)
        #expect(error == nil)
    }

    /// 16 MiB are wanted and 100 bytes come: the buffer stays as it is. Only when it is full does it grow.
    @Test func anAnnouncedLengthAllocatesNothing() throws {
        var rooms: [Int] = []
        var arriving = [100, 0, 65_436, 65_536, 0]
        var buffer = InputBuffer { room in
            rooms.append(room.count)
            return .success(arriving.removeFirst())
        }
        let first = try buffer.fill(CaptureLimit.block)
        #expect(!first)
        let second = try buffer.fill(CaptureLimit.block)
        #expect(!second)
        #expect(rooms == [65_536, 65_436, 65_436, 65_536, 131_072])
        #expect(buffer.count == 131_072)
    }
}
