import PacketForge
import Testing
import Tracking
import Wire

/// The whole numbers of a DSS, which the tracker knows from keys and from numbers that were sent whole.
struct SightingTests {
    private let talk = Conversation()
    private let whole = DataSequenceNumber(0x1122_3344_ffff_fff0)

    private func data(_ number: DataSequenceSignal.Number, at sequence: UInt32) -> [UInt8] {
        let signal = DataSequenceSignal(
            acknowledgement: nil, mapping: .init(sequence: number, subflowSequence: 1, length: 16))
        return PacketDraft(
            sequence: sequence, flags: .ack, options: MultipathOption.dataSequenceSignal(signal).bytes,
            payload: Array(repeating: 0, count: 16)
        ).bytes
    }

    private func observe(_ packet: [UInt8], _ tracker: inout Tracker) throws -> Sighting? {
        tracker.observe(try Segment(packet.span.bytes), at: 0)
    }

    @Test func withTheKey() throws {
        var tracker = Tracker()
        for packet in talk.handshake { _ = try observe(packet, &tracker) }
        let sighting = try observe(talk.data, &tracker)
        #expect(
            sighting?.dataNumbers.sequence == talk.clientKey.initialDataSequence(version: 1).advanced(by: 1))
        #expect(sighting?.dataNumbers.acknowledgement == nil)
    }

    /// Without the key the first whole number tells, also of those whose lower half has wrapped around since.
    @Test func withoutTheKey() throws {
        var tracker = Tracker()
        #expect(try observe(data(.short(0xffff_ffe0), at: 1), &tracker)?.dataNumbers == DataNumbers())
        #expect(try observe(data(.long(whole), at: 17), &tracker)?.dataNumbers.sequence == whole)
        #expect(
            try observe(data(.short(0), at: 33), &tracker)?.dataNumbers.sequence
                == DataSequenceNumber(0x1122_3345_0000_0000))
    }

    /// A copy is known, and changes nothing.
    @Test func aSegmentThatWasSeenBefore() throws {
        var tracker = Tracker()
        for packet in talk.handshake + [talk.data] { _ = try observe(packet, &tracker) }
        let sighting = try #require(tracker.recognise(try Segment(talk.data.span.bytes)))
        #expect(sighting.sender == .client)
        #expect(sighting.subflow == 0)
        #expect(tracker[sighting.connection]?.subflows[0].streams.client.retransmittedBytes == 0)
        #expect(tracker.recognise(try Segment(PacketDraft().bytes.span.bytes)) == nil)
    }

    /// Why it fell back is known after its end.
    @Test func fallback() throws {
        var tracker = Tracker()
        let sighting = try #require(try observe(talk.handshake[0], &tracker))
        _ = try observe(
            PacketDraft(source: talk.server, destination: talk.client, sequence: 0, flags: [.syn, .ack]).bytes,
            &tracker)
        let reset = PacketDraft(source: talk.client, destination: talk.server, sequence: 1, flags: .rst).bytes
        _ = try observe(reset, &tracker)
        let connection = try #require(tracker[sighting.connection])
        #expect(connection.state == .closed)
        #expect(connection.fallback == .noOptionInSYNACK)
    }
}
