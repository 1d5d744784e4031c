import SessionLog
import Testing
import Wire

@testable import Middlebox

/// A session's subflows, as the tracker and the kernel tell of them.
@Suite struct SubflowMergeTests {
    private typealias Subflow = SessionRecord.Subflow

    private static func subflow(_ port: UInt16, _ interface: UInt32, _ toClient: UInt64, _ toServer: UInt64) -> Subflow
    {
        Subflow(
            client: Endpoint(address: IPAddress("10.1.0.2")!, port: port), server: Endpoint("10.9.0.2:80")!,
            interface: interface, bytesToClient: toClient, bytesToServer: toServer)
    }

    private struct Row: Sendable {
        let seen: [Subflow]
        let kernel: [Subflow]
        let merged: [Subflow]
    }

    private static let rows = [
        Row(seen: [], kernel: [], merged: []),
        // One that ended before: the kernel knows nothing of it.
        Row(
            seen: [subflow(1, 1, 10, 20), subflow(2, 2, 5, 0)], kernel: [subflow(1, 1, 10, 20)],
            merged: [subflow(1, 1, 10, 20), subflow(2, 2, 5, 0)]),
        // Bytes that went by unseen, either way.
        Row(seen: [subflow(1, 1, 10, 20)], kernel: [subflow(1, 0, 100, 3)], merged: [subflow(1, 1, 100, 20)]),
        // The tracker had no room.
        Row(
            seen: [], kernel: [subflow(1, 7, 1, 2), subflow(2, 0, 3, 4)],
            merged: [subflow(1, 7, 1, 2), subflow(2, 0, 3, 4)]),
        // Looked at twice, the second time without the one that has ended meanwhile.
        Row(
            seen: [subflow(1, 1, 0, 0)], kernel: [subflow(1, 1, 7, 1), subflow(2, 0, 9, 9), subflow(1, 1, 8, 2)],
            merged: [subflow(1, 1, 8, 2), subflow(2, 0, 9, 9)]),
    ]

    @Test func rows() {
        for row in Self.rows { #expect(SessionRecord.merged(row.seen, row.kernel) == row.merged) }
    }
}
