import PacketForge
import Testing
import Wire

/// What leads to the TCP header: options, extension headers, fragments, and lengths that say 0.
@Suite struct HeaderTests {
    private func error(_ bytes: [UInt8], length: Int? = nil) -> WireError? {
        do throws(WireError) {
            _ = try Segment(bytes.span.bytes, length: length)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: Array(stride(from: 0, through: 40, by: 4)))
    func ipv4Options(count: Int) throws {
        var draft = PacketDraft(options: [3, 3, 7], payload: counting(5))
        draft.ipv4Options = Array(repeating: 1, count: count)
        let packet = draft.bytes
        let segment = try Segment(packet.span.bytes)
        #expect(segment.payloadLength == 5)
        #expect(segment.destination == draft.destination)
        #expect(segment.readOptions().contents == [.windowScale(7)])
        let cut = Array(packet.prefix(19 + count))
        #expect(error(cut) == .truncated(.ipv4, needed: 20 + count, have: 19 + count))
    }

    @Test(
        arguments: [
            // Their lengths count in eight bytes behind the first, the authentication header's in four behind two.
            (0, [0] + counting(6)), (60, [2] + counting(22)), (135, [1] + counting(14)), (51, [4] + counting(22)),
            (51, [0] + counting(6)), (44, [0, 0, 0] + counting(4)),
            // Reserved bits of the fragment header.
            (44, [0xff, 0, 6] + counting(4)),
        ] as [(UInt8, [UInt8])])
    func extensionHeader(type: UInt8, rest: [UInt8]) throws {
        let header = (type: type, rest: rest)
        let hopByHop = (type: UInt8(0), rest: [0] + counting(6))
        for chain in [[header], [header, header], [hopByHop, header]] {
            let packet = PacketDraft.ipv6(options: [4, 2], extensions: chain).bytes
            let segment = try Segment(packet.span.bytes)
            #expect(segment.readOptions().contents == [.sackPermitted])
            #expect(segment.payloadLength == 0)
        }
        let packet = PacketDraft.ipv6(extensions: [header]).bytes
        #expect(error(Array(packet.prefix(47))) == .truncated(.ipv6Extension, needed: 48, have: 47))
        #expect(error(Array(packet.dropLast())) == .truncated(.tcp, needed: packet.count, have: packet.count - 1))
    }

    @Test func extensionHeaderBeyondThePacket() {
        let packet = PacketDraft.ipv6(extensions: [(0, [255] + counting(6))]).bytes
        #expect(error(packet) == .truncated(.tcp, needed: 40 + 2048 + 20, have: 68))
        let first = PacketDraft.ipv6(extensions: [(60, [9] + counting(6)), (60, [0] + counting(6))]).bytes
        #expect(error(first) == .truncated(.ipv6Extension, needed: 128, have: 76))
    }

    @Test func fragments() {
        var draft = PacketDraft(payload: counting(40))
        draft.fragmentSize = 24
        for packet in draft.packets { #expect(error(packet) == .fragment) }
        var ipv6 = PacketDraft.ipv6()
        ipv6.payload = counting(40)
        ipv6.fragmentSize = 24
        #expect(ipv6.packets.count == 3)
        for packet in ipv6.packets { #expect(error(packet) == .fragment) }
        draft.fragmentSize = nil
        draft.isDontFragment = true
        #expect(error(draft.bytes) == nil)
    }

    /// A packet of more than 65,535 bytes, as BIG TCP and receive offload make them.
    @Test func lengthBeyondTheField() throws {
        for draft in [PacketDraft(), .ipv6()] {
            var draft = draft
            draft.payload = Array(repeating: 7, count: 70_000)
            let packet = draft.bytes
            let captured = Array(packet.prefix(192))
            #expect(try Segment(captured.span.bytes, length: packet.count).payloadLength == 70_000)
            // Without a length from elsewhere there is no telling.
            let headers = packet.count - 70_000
            let have = draft.source.address.isIPv4 ? 0 : 40
            #expect(error(captured) == .truncated(.tcp, needed: headers, have: have))
            #expect(error(captured, length: headers - 1) == .truncated(.tcp, needed: headers, have: headers - 1))
            #expect(error(captured, length: -1) == .truncated(.tcp, needed: headers, have: -1))
        }
    }

    /// Neither padding behind the packet nor what the capture has cut off.
    @Test func payload() throws {
        for draft in [PacketDraft(), .ipv6()] {
            var draft = draft
            draft.payload = counting(9)
            let packet = draft.bytes
            let read = { (bytes: [UInt8]) throws in
                let payload = try Segment(bytes.span.bytes).payload
                return (0..<payload.byteCount).map { payload.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
            }
            #expect(try read(packet) == counting(9))
            #expect(try read(packet + [0, 0, 0]) == counting(9))
            #expect(try read(packet.dropLast(4)) == counting(5))
            #expect(try read(packet.dropLast(9)).isEmpty)
        }
    }

    /// A header that states a length is believed.
    @Test func statedLength() throws {
        let packet = PacketDraft(payload: counting(9)).bytes
        #expect(try Segment(packet.span.bytes, length: 5000).payloadLength == 9)
        let ethernet = packet + Array(repeating: 0, count: 6)
        #expect(try Segment(ethernet.span.bytes).payloadLength == 9, "padding behind the packet is none of it")
        var short = packet
        short[3] = 39
        #expect(error(short) == .truncated(.tcp, needed: 40, have: 39))
    }

    @Test func fields() throws {
        var draft = PacketDraft(sequence: 0xffff_fffe, flags: [.ack, .psh, .cwr])
        draft.acknowledgement = 0x8000_0001
        draft.window = 0xfedc
        let packet = draft.bytes
        let segment = try Segment(packet.span.bytes)
        #expect(segment.sequence == SequenceNumber(0xffff_fffe))
        #expect(segment.acknowledgement == SequenceNumber(0x8000_0001))
        #expect(segment.window == 0xfedc)
        #expect(segment.flags == [.ack, .psh, .cwr])
    }
}
