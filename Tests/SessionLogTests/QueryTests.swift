import Testing
import Wire

@testable import SessionLog

/// What lines answer.
@Suite struct QueryTests {
    private static let second = Samples.second

    /// The lines of these records and marks.
    private func search(
        _ query: SessionQuery, _ records: [SessionRecord], starts: [Int64] = [], more: [String] = []
    ) -> SessionSearch {
        var lines = SessionLine()
        for record in records { lines.append(record, Samples.names) }
        for time in starts { lines.append(.daemonStarted, at: time, version: "1") }
        let texts = String(decoding: lines.bytes, as: UTF8.self).split(separator: "\n").map(String.init) + more
        var search = SessionSearch(query)
        for text in texts { Array(text.utf8).withUnsafeBytes { search.take($0) } }
        return search
    }

    private func query(
        _ offset: Int64, server: String = "10.9.0.2:80", port: UInt16 = 14022, client: String? = nil,
        tolerance: Int64 = 0
    ) -> SessionQuery {
        SessionQuery(
            server: Endpoint(server)!, port: port, client: client.map { IPAddress($0)! },
            time: Samples.time / 1000 * 1000 + offset, tolerance: tolerance)
    }

    /// The session runs from 0 to 2 s.
    @Test(
        arguments: [
            (0, true), (second, true), (2 * second, true), (-1000, false), (2 * second + 1000, false),
            (60 * second, false),
        ] as [(Int64, Bool)])
    func aSessionIsThereFromItsStartToItsEnd(_ offset: Int64, _ isFound: Bool) {
        let records = [Samples.start4, Samples.end(Samples.start4)]
        #expect(search(query(offset), records).answers.map(\.session) == (isFound ? [7] : []))
        // In whatever order the lines come, and with the end alone.
        #expect(search(query(offset), records.reversed()).answers.map(\.session) == (isFound ? [7] : []))
        #expect(search(query(offset), [records[1]]).answers.map(\.session) == (isFound ? [7] : []))
    }

    @Test func theAnswerHasAllThatIsLogged() throws {
        let answer = try #require(
            search(query(Self.second), [Samples.start4, Samples.end(Samples.start4, .idle)]).answers.first)
        #expect(answer.client == "10.1.0.2:50630" && answer.upstream == "10.1.0.2:14022")
        #expect(answer.start == "2026-11-30T07:00:00.123456Z" && answer.end == "2026-11-30T07:00:02.123456Z")
        #expect(answer.reason == "idle timeout" && answer.bytesToClient == 30_000_000 && answer.bytesToServer == 75)
        #expect(answer.token == "0x31b268da" && answer.interface == "lan1" && answer.endedBefore == nil)
        #expect(answer.subflows?.map(\.client) == ["10.1.0.2:50630"])
    }

    @Test func othersAreNotFound() {
        let records = [Samples.start4, Samples.start6]
        for other in [
            query(0, port: 14023), query(0, server: "10.9.0.2:81"), query(0, server: "10.9.0.3:80"),
            query(0, client: "10.1.0.3"), query(0, port: 50630),
        ] { #expect(search(other, records).answers.isEmpty) }
        #expect(search(query(0, client: "10.1.0.2"), records).answers.map(\.session) == [7])
        let six = query(0, server: "[2001:db8:9::2]:443", port: 14023, client: "2001:db8::2")
        #expect(search(six, records).answers.map(\.session) == [8])
    }

    @Test func clocksMayDiffer() {
        let records = [Samples.start4, Samples.end(Samples.start4)]
        #expect(search(query(-Self.second, tolerance: Self.second), records).answers.count == 1)
        #expect(search(query(-Self.second - 1000, tolerance: Self.second), records).answers.isEmpty)
        #expect(search(query(3 * Self.second, tolerance: Self.second), records).answers.count == 1)
        #expect(search(query(3 * Self.second + 1000, tolerance: Self.second), records).answers.isEmpty)
    }

    /// The daemon was killed: a session without an end was over when it was started again.
    @Test func aSessionWithoutAnEndIsBounded() throws {
        let starts = [Samples.time - Self.second, Samples.time + 10 * Self.second, Samples.time + 20 * Self.second]
        let found = search(query(5 * Self.second), [Samples.start4], starts: starts)
        #expect(found.answers.map(\.endedBefore) == ["2026-11-30T07:00:10.123456Z"])
        #expect(search(query(15 * Self.second), [Samples.start4], starts: starts).answers.isEmpty)
        // Nothing says that it has ended.
        let open = search(query(1000 * Self.second), [Samples.start4]).answers
        #expect(open.count == 1 && open[0].end == nil && open[0].endedBefore == nil)
    }

    /// Its end was lost; then the same client had the same port again.
    @Test func aSuccessorEndsASession() {
        var next = Samples.start4
        next.number = 9
        next.started += 4 * Self.second
        let records = [Samples.start4, next, Samples.end(next)]
        #expect(search(query(3 * Self.second), records).answers.map(\.session) == [7])
        #expect(search(query(5 * Self.second), records).answers.map(\.session) == [9])
        // Another client's is none.
        next.upstream = Endpoint("10.1.0.3:14022")!
        #expect(search(query(5 * Self.second), [Samples.start4, next]).answers.map(\.session) == [7, 9])
    }

    @Test func whatCannotBeReadIsCounted() {
        let half = "{\"time\":\"2026-11-30T07:00:00.123456Z\",\"event\":\"start\",\"server\":\"10.9.0.2:80\",\"ups"
        let other = ["{\"event\":\"start\",\"time\":\"x\",\"server\":\"10.9.0.2:80\"}", "", "garbage", "{}"]
        let found = search(query(0), [Samples.start4], more: [half] + other)
        #expect(found.answers.map(\.session) == [7])
        #expect(found.unreadable == 2, "lines about other servers aren't looked at")
    }
}
