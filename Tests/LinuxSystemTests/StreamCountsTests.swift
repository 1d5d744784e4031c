import Glibc
import LinuxSystem
import Testing

/// How far streams have come, as the kernel counts them: by this alone it is known what a dead daemon had in its hands.
@Suite struct StreamCountsTests {
    private static let kinds: [(StreamSocket.TransportProtocol, String)] = [
        (.tcp, "127.0.0.1"), (.tcp, "::1"), (.mptcp, "127.0.0.1"), (.mptcp, "::1"),
    ]

    private func counts(_ pair: borrowing SocketTests.Pair) throws -> (client: StreamCounts, server: StreamCounts) {
        let client = pair.client.streamCounts(isOpener: true)
        let server = pair.server.streamCounts(isOpener: false)
        return (try #require(client), try #require(server))
    }

    @Test(arguments: kinds) func bytesAndEndsAreCounted(_ transport: StreamSocket.TransportProtocol, _ address: String)
        throws
    {
        let pair = try SocketTests.Pair(transport, address)
        #expect(
            try counts(pair) == (
                StreamCounts(received: 0, unread: 0, given: 0), StreamCounts(received: 0, unread: 0, given: 0)
            ))

        try send(100_000, to: pair.client.rawValue)
        #expect(try counts(pair).client.given == 100_000)
        try receive(30_001, from: pair.server.rawValue)
        #expect(try counts(pair).server.taken == 30_001)
        try send(5000, to: pair.server.rawValue)
        #expect(try counts(pair).server.given == 5000)
        #expect(try counts(pair).client.taken == 0)

        pair.client.endStream()
        #expect(try counts(pair).client.given == 100_001)
        try awaitEnd(pair.server.rawValue)
        #expect(try counts(pair).server.taken == 30_001)
        try receive(69_999, from: pair.server.rawValue)
        var state = try counts(pair).server
        #expect(state.taken == 100_000 && state.hasEnded && !state.isClosed && !state.hasFailed)
        var byte: UInt8 = 0
        #expect(recv(pair.server.rawValue, &byte, 1, 0) == 0)
        #expect(try counts(pair).server == state)

        try send(7, to: pair.server.rawValue)
        pair.server.endStream()
        #expect(try counts(pair).server.given == 5008)
        try awaitEnd(pair.client.rawValue)
        try receive(4000, from: pair.client.rawValue)
        #expect(try counts(pair).client.taken == 4000)
        try receive(1007, from: pair.client.rawValue)
        state = try counts(pair).client
        #expect(state.taken == 5007 && state.hasEnded && state.isClosed && !state.hasFailed && state.given == 100_001)
    }

    @Test(arguments: kinds) func aResetIsTold(_ transport: StreamSocket.TransportProtocol, _ address: String) throws {
        let pair = try SocketTests.Pair(transport, address)
        try send(10, to: pair.client.rawValue)
        try receive(10, from: pair.server.rawValue)
        pair.client.abort()
        try awaitEnd(pair.server.rawValue)
        let state = try counts(pair).server
        #expect(state.hasFailed && state.isClosed)
    }

    private func send(_ count: Int, to socket: Int32) throws {
        let bytes = [UInt8](repeating: 1, count: count)
        var sent = 0
        while sent < count {
            let some = bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress! + sent, count - sent, 0) }
            guard some > 0 else {
                try wait(socket, Int16(POLLOUT))
                continue
            }
            sent += some
        }
    }

    private func receive(_ count: Int, from socket: Int32) throws {
        var bytes = [UInt8](repeating: 0, count: count)
        var received = 0
        while received < count {
            let some = bytes.withUnsafeMutableBytes { recv(socket, $0.baseAddress! + received, count - received, 0) }
            guard some > 0 else {
                try wait(socket, Int16(POLLIN))
                continue
            }
            received += some
        }
    }

    /// POLLRDHUP
    private func awaitEnd(_ socket: Int32) throws { try wait(socket, 0x2000) }

    private func wait(_ socket: Int32, _ events: Int16) throws {
        var ready = pollfd(fd: socket, events: events, revents: 0)
        try #require(poll(&ready, 1, 5000) == 1)
    }
}
