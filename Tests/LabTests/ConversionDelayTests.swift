import Lab
import Testing
import Wire

/// Made-up segments: which of them belong together.
@Suite struct ConversionDelayTests {
    private static let server = Endpoint("10.9.0.2:5000")!

    private func client(_ port: UInt16) -> Endpoint { Endpoint(address: IPAddress("10.1.0.2")!, port: port) }

    private func syn(
        _ time: Int64, _ passage: BoxSegment.Passage, _ source: Endpoint, _ sequence: UInt32,
        isMultipath: Bool = true, to server: Endpoint = server
    ) -> BoxSegment {
        BoxSegment(
            time: time, passage, from: source, to: server, .syn(SequenceNumber(sequence), isMultipath: isMultipath))
    }

    private func message(
        _ time: Int64, _ passage: BoxSegment.Passage, _ number: UInt64, size: Int = 64, port: UInt16 = 40_000
    ) -> BoxSegment {
        let content = BoxSegment.Content.message(number: number, size: size)
        return switch passage {
        case .fromClient, .toServer: BoxSegment(time: time, passage, from: client(port), to: Self.server, content)
        case .fromServer, .toClient: BoxSegment(time: time, passage, from: Self.server, to: client(port), content)
        }
    }

    @Test func aSYNBelongsToTheNextDialOfItsClient() {
        let delays = ConversionDelays([
            syn(100, .fromClient, client(40_000), 1), syn(250, .toServer, client(20_000), 2),
            syn(1000, .fromClient, client(40_001), 3),
            syn(1070, .toServer, client(20_001), 4, isMultipath: false),
        ])
        #expect(delays.syn == [150, 70])
        #expect(delays.multipathDials == 1)
        #expect(delays.unpairedSYNs == 0)
    }

    /// As they may be in the files of two interfaces, one behind the other.
    @Test func theOrderIsThatOfTheTimes() {
        let delays = ConversionDelays([
            message(40, .toServer, 1), syn(30, .toServer, client(20_000), 2), message(37, .fromClient, 1),
            syn(10, .fromClient, client(40_000), 1),
        ])
        #expect(delays.syn == [20])
        #expect(delays.toServer == [3])
    }

    @Test func aSYNSentAgainCountsOnce() {
        let delays = ConversionDelays([
            syn(100, .fromClient, client(40_000), 1), syn(1100, .fromClient, client(40_000), 1),
            syn(1200, .toServer, client(20_000), 2), syn(2200, .toServer, client(20_000), 2),
            syn(3000, .fromClient, client(40_001), 3), syn(3005, .toServer, client(20_001), 4),
        ])
        #expect(delays.syn == [1100, 5])
        #expect(delays.unpairedSYNs == 0)
    }

    @Test func otherClientsAndServersAreOthers() {
        let other = Endpoint("10.17.0.2:40000")!
        let elsewhere = Endpoint("10.9.1.2:5000")!
        let delays = ConversionDelays([
            syn(10, .fromClient, client(40_000), 1), syn(20, .fromClient, other, 2),
            syn(30, .fromClient, client(40_000), 3, to: elsewhere),
            syn(31, .toServer, client(20_000), 4, to: elsewhere), syn(42, .toServer, other, 5),
            syn(53, .toServer, client(20_001), 6),
        ])
        #expect(delays.syn.sorted() == [1, 43])
        #expect(delays.forwardedSYNs == 1, "the other client's left with its own port")
    }

    @Test func whatIsForwardedIsNoConversion() {
        let delays = ConversionDelays([
            syn(10, .fromClient, client(40_000), 1), syn(12, .fromClient, client(40_001), 2),
            syn(15, .toServer, client(40_001), 2), syn(19, .toServer, client(20_000), 3),
        ])
        #expect(delays.forwardedSYNs == 1)
        #expect(delays.syn == [9])
    }

    @Test func messagesBelongTogetherByNumberSizeAndDirection() {
        let delays = ConversionDelays([
            message(10, .fromClient, 1), message(11, .fromClient, 2), message(12, .fromClient, 1, size: 32),
            message(15, .toServer, 2, port: 20_000), message(17, .toServer, 1, port: 20_000),
            message(18, .fromServer, 2, port: 20_000), message(20, .toClient, 2),
        ])
        #expect(delays.toServer == [4, 7])
        #expect(delays.toClient == [2])
        #expect(delays.unpairedMessages == 1, "the one of 32 bytes")
    }

    /// A message that is sent again after it has left the box doesn't wait for another departure, and one that leaves twice
    /// counts by the first time.
    @Test func aMessageSentAgainCountsOnce() {
        let delays = ConversionDelays([
            message(10, .fromClient, 1), message(12, .fromClient, 1), message(16, .toServer, 1),
            message(20, .fromClient, 1), message(30, .toServer, 1),
        ])
        #expect(delays.toServer == [6])
        #expect(delays.unpairedMessages == 0)
    }

    @Test func whatNeverLeavesIsCounted() {
        let delays = ConversionDelays([
            syn(10, .fromClient, client(40_000), 1), message(20, .fromClient, 1), message(30, .fromServer, 2),
            message(40, .toServer, 3),
        ])
        #expect(delays.syn.isEmpty && delays.toServer.isEmpty && delays.toClient.isEmpty)
        #expect(delays.unpairedSYNs == 1)
        #expect(delays.unpairedMessages == 2)
    }

    @Test func summary() throws {
        #expect(DelaySummary([]) == nil)
        let single = try #require(DelaySummary([7]))
        #expect(single.mean == 7 && single.deviation == 0 && single.p50 == 7 && single.max == 7)
        let few = try #require(DelaySummary([5, 1, 4, 2]))
        #expect(few.count == 4 && few.mean == 3 && few.p50 == 2 && few.p99 == 5)
        // Squares of the differences: 4, 4, 1, 1; by three.
        #expect(abs(few.deviation - (10.0 / 3).squareRoot()) < 1e-12)
        let many = try #require(DelaySummary((1...10_000).shuffled()))
        #expect(many.p50 == 5000 && many.p99 == 9900 && many.p999 == 9990 && many.max == 10_000)
    }
}
