import LinuxSystem
import Testing
@testable import Tracking
import Wire

@testable import Throttling

@Suite("requests for backup that are sent a second time") struct RequestRepeatsTests {
    private static let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private static func request(_ port: UInt16, _ isBackup: Bool) throws -> RequestRepeats.Request {
        RequestRepeats.Request(
            subflow: RetryQueueTests.subflow(port), token: Token(UInt32(port)),
            isBackup: isBackup)
    }

    @Test("each is due once, a second later, in order") func areDueOnce() throws {
        var repeats = RequestRepeats()
        #expect(repeats.next == nil)
        repeats.add(try Self.request(1, true), at: Self.start)
        repeats.add(try Self.request(2, false), at: Self.start + .milliseconds(10))
        #expect(repeats.next == Self.start + .seconds(1))
        var due = [repeats.take(at: Self.start + .milliseconds(999))]
        due.append(repeats.take(at: Self.start + .milliseconds(1005)))
        due.append(repeats.take(at: Self.start + .milliseconds(1005)))
        due.append(repeats.take(at: Self.start + .milliseconds(1010)))
        due.append(repeats.take(at: Self.start + .seconds(9)))
        #expect(due == [nil, try Self.request(1, true), nil, try Self.request(2, false), nil])
        #expect(repeats.next == nil)
    }

    @Test("what has been taken back isn't said again") func theOppositeCancels() throws {
        var repeats = RequestRepeats()
        repeats.add(try Self.request(1, true), at: Self.start)
        repeats.add(try Self.request(1, false), at: Self.start + .milliseconds(500))
        let first = repeats.take(at: Self.start + .seconds(1))
        let second = repeats.take(at: Self.start + .seconds(2))
        #expect(first == nil)
        #expect(second == (try Self.request(1, false)))
    }

    @Test("a request that was made again after its opposite is said, the opposite is not") func theLastCounts() throws {
        var repeats = RequestRepeats()
        for (offset, isBackup) in [(0, true), (10, false), (20, true)] {
            repeats.add(try Self.request(1, isBackup), at: Self.start + .milliseconds(offset))
        }
        var due: [RequestRepeats.Request] = []
        while let request = repeats.take(at: Self.start + .seconds(5)) { due.append(request) }
        #expect(!due.isEmpty && due.allSatisfy(\.isBackup))
        #expect(repeats.next == nil)
    }
}
