import Capture
import Testing

/// SplitMix64, with a seed, so that a failure comes again.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

@Suite struct MutationTests {
    private static func pcap(_ write: Writer, _ linkType: LinkType) -> [UInt8] {
        write.pcapHeader(linkType: UInt32(linkType.rawValue))
            + (0..<4).flatMap { write.pcapRecord(seconds: $0, [UInt8](repeating: UInt8($0), count: 30)) }
    }

    private static func pcapng(_ write: Writer, _ linkType: LinkType) -> [UInt8] {
        let frame: [UInt8] = [UInt8](repeating: 2, count: 12) + [0x81, 0, 0, 1, 8, 0, 0x45, 0, 0, 20]
        let options = write.option(2, Array("lan0".utf8)) + write.option(9, [9]) + write.option(14, write(Int64(-1)))
        return write.section() + write.interface(linkType: linkType.rawValue, snapLength: 96, options: options)
            + write.enhancedPacket(
                time: 1 << 60, frame, options: write.option(1, [0x68]) + write.option(2, write(UInt32(1))))
            + write.simplePacket(original: UInt32(frame.count), frame) + write.obsoletePacket(frame)
            + write.block(5, write(UInt32(0)) + write(UInt64(1)) + write.option(5, write(UInt64(2))))
            + (write == .big ? Writer.little : .big).section() + write.section() + write.interface()
            + write.enhancedPacket(frame)
    }

    /// One to four of: a bit flipped, a byte set to an extreme, bytes removed or repeated, the end cut off.
    private static func mutate(_ file: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var file = file
        for _ in 0..<Int.random(in: 1...4, using: &random) where !file.isEmpty {
            let place = Int.random(in: 0..<file.count, using: &random)
            let end = min(file.count, place + Int.random(in: 1...8, using: &random))
            switch Int.random(in: 0..<5, using: &random) {
            case 0: file[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: file[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random)!
            case 2: file.removeSubrange(place..<end)
            case 3: file.insert(contentsOf: file[place..<end], at: place)
            default: file.removeSubrange(place...)
            }
        }
        return file
    }

    /// Reads to the end, and the link layer of each packet; counts packets and errors.
    private static func exercise(_ file: [UInt8]) -> (packets: Int, error: CaptureError?, linkErrors: Int) {
        var reader = CaptureReader(bytes: file)
        var (packets, linkErrors, octets) = (0, 0, 0)
        do throws(CaptureError) {
            while let packet = try reader.next() {
                packets += 1
                octets += packet.bytes.byteCount
                do { octets += try packet.link.ip?.byteCount ?? 0 } catch { linkErrors += 1 }
            }
            return (packets, nil, linkErrors)
        } catch {
            #expect(!error.description.isEmpty)
            return (packets, error, linkErrors)
        }
    }

    @Test(arguments: Writer.allCases, LinkType.supported)
    func aDamagedFileEndsWithoutATrap(_ write: Writer, _ linkType: LinkType) {
        var random = SeededGenerator(state: 20_240_607 + UInt64(linkType.rawValue))
        var (readable, damaged, badFrames, kinds) = (0, 0, 0, Set<String>())
        for file in [Self.pcap(write, linkType), Self.pcapng(write, linkType)] {
            #expect(Self.exercise(file).packets == 4)
            #expect(Self.exercise(file).error == nil)
            for _ in 0..<1000 {
                let mutated = Self.mutate(file, &random)
                let (packets, error, linkErrors) = Self.exercise(mutated)
                // The shortest record has 16 bytes.
                #expect(packets <= mutated.count / 16)
                readable += error == nil ? 1 : 0
                damaged += error == nil ? 0 : 1
                badFrames += linkErrors
                if let error { kinds.insert("\(error)".filter { !$0.isNumber }) }
            }
        }
        #expect(readable > 100)
        #expect(damaged > 200)
        #expect(badFrames > 0)
        #expect(kinds.count > 10)
    }
}
