import PacketForge
import Testing
import Wire

@testable import Tracking

/// What a subflow carries.
@Suite struct SubflowStreamTests {
    private func sent(_ pieces: [(at: UInt32, length: Int)], from start: UInt32 = 0) -> SubflowStream {
        var stream = SubflowStream()
        stream.open(SequenceNumber(start &- 1))
        for piece in pieces {
            _ = stream.send(SequenceNumber(start &+ piece.at), length: piece.length, isFIN: false)
        }
        return stream
    }

    @Test(arguments: [0, UInt32.max - 150, 0x7fff_ff6a])
    func bytesCountOnce(start: UInt32) {
        let inOrder = sent([(0, 100), (100, 100), (200, 100)], from: start)
        #expect(inOrder.bytes == 300 && inOrder.retransmittedBytes == 0)
        let again = sent([(0, 100), (100, 100), (0, 100), (100, 100)], from: start)
        #expect(again.bytes == 200 && again.retransmittedBytes == 200)
        let overlapping = sent([(0, 100), (50, 100)], from: start)
        #expect(overlapping.bytes == 150 && overlapping.retransmittedBytes == 50)
        let inside = sent([(0, 100), (20, 30)], from: start)
        #expect(inside.bytes == 100 && inside.retransmittedBytes == 30)
    }

    /// A lost segment is sent again, behind those that came after it.
    @Test func gapsAreFilled() {
        let lost = sent([(0, 100), (200, 100), (100, 100), (300, 50)])
        #expect(lost.bytes == 350 && lost.retransmittedBytes == 100)
        let firstLost = sent([(100, 100), (0, 100)])
        #expect(firstLost.bytes == 200)
    }

    /// Two thirds of the numbers have gone by unseen; and a segment that is no part of the stream.
    @Test(arguments: [3_000_000_000 as UInt32, 1_500_000_000, 1 << 31])
    func jumps(to place: UInt32) {
        let ahead = sent([(0, 100), (place, 100), (place + 100, 100), (place, 100)])
        #expect(ahead.bytes == 300 && ahead.retransmittedBytes == 100)
        let stray = sent([(0, 100), (place, 1), (100, 100), (0, 100)])
        #expect(stray.bytes == 201 && stray.retransmittedBytes == 100)
    }

    @Test func beginningNotSeen() {
        var stream = SubflowStream()
        #expect(stream.send(SequenceNumber(4_000_000_000), length: 100, isFIN: false) == 0)
        #expect(stream.send(SequenceNumber(4_000_000_050), length: 100, isFIN: true) == 50)
        #expect(stream.bytes == 150 && stream.hasFIN && stream.initial == nil)
    }

    @Test func finCountsNoByte() {
        var stream = SubflowStream()
        stream.open(SequenceNumber(9))
        #expect(stream.send(SequenceNumber(10), length: 5, isFIN: true) == 0)
        #expect(stream.send(SequenceNumber(10), length: 5, isFIN: true) == 5)
        #expect(stream.send(SequenceNumber(15), length: 0, isFIN: true) == 0)
        #expect(stream.bytes == 5 && stream.retransmittedBytes == 5)
    }

    @Test func keepAlives() {
        let conversation = Conversation.established()
        conversation.data(.client, length: 100)
        conversation.line.next.client -= 1
        #expect(conversation.line.send(.client)?.retransmitted == 0)
        // Some send a byte.
        #expect(conversation.line.send(.client, payload: 1)?.retransmitted == 1)
        #expect(conversation.first.streams.client.bytes == 100)
        #expect(conversation.state == .established && conversation.first.state == .established)
    }

    @Test func eachDirectionAndSubflowForItself() {
        let conversation = Conversation.established()
        let second = conversation.join()
        conversation.data(.client, 0, length: 100)
        conversation.data(.server, 0, length: 30)
        conversation.data(.client, 100, length: 7, on: second)
        #expect(conversation.first.streams.client.bytes == 100 && conversation.first.streams.server.bytes == 30)
        #expect(conversation.subflow(1).streams.client.bytes == 7)
        #expect(conversation.subflow(1).streams.server.bytes == 0)
    }

    @Test func largestSegments() {
        var stream = SubflowStream()
        stream.open(SequenceNumber(0))
        // As a capture may state a length.
        _ = stream.send(SequenceNumber(1), length: Int(UInt32.max), isFIN: true)
        _ = stream.send(SequenceNumber(1), length: .max, isFIN: true)
        #expect(stream.hasFIN)
    }
}

/// RFC 8684 sections 3.3.1 and 3.3.3.
@Suite struct DataStreamTests {
    private func short(_ number: UInt64) -> DataSequenceSignal.Number { .short(UInt32(truncatingIfNeeded: number)) }
    private func long(_ number: UInt64) -> DataSequenceSignal.Number { .long(DataSequenceNumber(number)) }

    @Test(arguments: [0xffff_fff0 as UInt64, 0x0001_0000_ffff_fff0, 0xffff_ffff_ffff_fff0, 0x7fff_ffff_ffff_fff0])
    func numbersOfFourBytes(start: UInt64) {
        var stream = DataStream()
        stream.open(DataSequenceNumber(start &- 1))
        #expect(stream.map(short(start), length: 0x20, isFIN: false) == DataSequenceNumber(start))
        #expect(stream.next == DataSequenceNumber(start &+ 0x20))
        #expect(stream.map(short(start &+ 0x20), length: 8, isFIN: false) == DataSequenceNumber(start &+ 0x20))
        #expect(stream.acknowledge(short(start &+ 0x28)) == DataSequenceNumber(start &+ 0x28))
        // A retransmission from before the boundary.
        #expect(stream.map(short(start), length: 0x20, isFIN: false) == DataSequenceNumber(start))
        #expect(stream.next == DataSequenceNumber(start &+ 0x28))
        #expect(stream.acknowledge(short(start)) == DataSequenceNumber(start))
        #expect(stream.acknowledged == DataSequenceNumber(start &+ 0x28))
    }

    @Test func numbersOfEightBytesAroundTheEnd() {
        var stream = DataStream()
        stream.open(DataSequenceNumber(.max - 11))
        stream.map(long(.max - 10), length: 11, isFIN: false)
        #expect(stream.next == DataSequenceNumber(0))
        stream.map(long(0), length: 5, isFIN: true)
        #expect(stream.next == DataSequenceNumber(5) && stream.state == .finSent(DataSequenceNumber(4)))
        stream.acknowledge(long(4))
        #expect(stream.state == .finSent(DataSequenceNumber(4)))
        stream.acknowledge(long(5))
        #expect(stream.state == .finAcknowledged && stream.acknowledged == DataSequenceNumber(5))
    }

    @Test func keyAfterShortNumbers() {
        var stream = DataStream()
        stream.map(short(0xabcd_0000_0001_0000), length: 10, isFIN: true)
        stream.acknowledge(short(0xabcd_0000_0000_f000))
        stream.open(DataSequenceNumber(0xabcd_0000_0000_ffff))
        #expect(stream.next == DataSequenceNumber(0xabcd_0000_0001_000a))
        #expect(stream.acknowledged == DataSequenceNumber(0xabcd_0000_0000_f000))
        #expect(stream.state == .finSent(DataSequenceNumber(0xabcd_0000_0001_0009)))
    }

    @Test func finOfALengthOfItsOwn() {
        var stream = DataStream()
        stream.open(DataSequenceNumber(99))
        stream.map(long(100), length: 10, isFIN: false)
        stream.map(long(110), length: 1, isFIN: true)
        // Sent again, with the last byte before it.
        stream.map(long(109), length: 2, isFIN: true)
        #expect(stream.state == .finSent(DataSequenceNumber(110)) && stream.next == DataSequenceNumber(111))
    }

    @Test(arguments: [true, false])
    func dataLevelOfAConnection(isShort: Bool) {
        let conversation = Conversation.established()
        let secrets = conversation.secrets
        let map =
            isShort
            ? Signal.mapShort(_:length:acknowledging:isFIN:)
            : { Signal.map($0, length: $1, acknowledging: $2, isFIN: $3) }
        conversation.line.send(.client, .ack, [map(secrets.data(.client), 1000, nil, false)], payload: 1000)
        conversation.line.send(
            .server, .ack, [map(secrets.data(.server), 20, secrets.data(.client, 1000), false)], payload: 20)
        #expect(conversation.connection.hosts.client.stream.next == secrets.data(.client, 1000))
        #expect(conversation.connection.hosts.client.stream.acknowledged == secrets.data(.client, 1000))
        #expect(conversation.connection.hosts.server.stream.next == secrets.data(.server, 20))
        #expect(conversation.connection.hosts.server.stream.acknowledged == secrets.data(.server))
    }
}
