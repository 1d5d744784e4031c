import Glibc
import LinuxSystem
import SystemPackage
import Testing

/// From a TCP socket to an MPTCP one by a pipe, on loopback.
@Suite struct SplicePipeTests {
    private static let size = 1 << 20

    /// A receiver that takes little at first: what it doesn't take comes out of the pipe again, in order.
    @Test(arguments: ["127.0.0.1", "::1"]) func nothingIsLostOrMoved(address: String) throws {
        let pipe = try SplicePipe(size: Int32(Self.size))
        let source = try SocketTests.Pair(.tcp, address)
        let destination = try SocketTests.Pair(.mptcp, address)
        let sent = (0..<8 << 20).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        var received: [UInt8] = []
        var (written, taken, isFull) = (0, [UInt8](), false)
        while received.count < sent.count {
            written += try send(sent[written...], to: source.client.rawValue)
            // As a relay does: what was taken out of the pipe goes first.
            if !taken.isEmpty {
                taken.removeFirst(try send(taken[...], to: destination.client.rawValue))
            } else if case .success(let count) = systemCallResult({ pipe.fill(from: source.server.rawValue, Self.size) }
            ) {
                var left = count
                while left > 0,
                    case .success(let some) = systemCallResult({ pipe.drain(to: destination.client.rawValue, left) })
                {
                    left -= some
                }
                if left > 0 { isFull = true }
                while left > 0 {
                    let some = read(left) { pipe.read($0, $1) }
                    try #require(!some.isEmpty)
                    taken += some
                    left -= some.count
                }
            }
            if isFull || written == sent.count {
                received += read(100_000) { recv(destination.server.rawValue, $0, $1, 0) }
            }
        }
        #expect(isFull && received == sent)
        #expect(pipe.fill(from: source.server.rawValue, Self.size) == -1 && errno == EAGAIN)
    }

    /// What makes a relay ask again by recv(2), which passes over an urgent byte.
    @Test func urgentDataStopIt() throws {
        let pipe = try SplicePipe(size: Int32(Self.size))
        let source = try SocketTests.Pair(.tcp, "127.0.0.1")
        #expect(Glibc.send(source.client.rawValue, "!", 1, Int32(MSG_OOB)) == 1)
        #expect(Glibc.send(source.client.rawValue, "after", 5, 0) == 5)
        var ready = pollfd(fd: source.server.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&ready, 1, 5000) == 1)
        #expect(pipe.fill(from: source.server.rawValue, Self.size) <= 0)
        #expect(read(100) { recv(source.server.rawValue, $0, $1, 0) } == Array("after".utf8))
    }

    private func send(_ bytes: ArraySlice<UInt8>, to socket: Int32) throws -> Int {
        guard !bytes.isEmpty else { return 0 }
        let result = bytes.withUnsafeBytes { buffer in
            systemCallResult { Glibc.send(socket, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL)) }
        }
        if case .failure(let error) = result, error != .wouldBlock { throw error }
        return (try? result.get()) ?? 0
    }

    private func read(_ count: Int, _ call: (UnsafeMutableRawPointer, Int) -> Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            used = max(0, call(buffer.baseAddress!, count))
        }
    }
}
