import Glibc
import LinuxSystem
import Testing

@testable import Converter

/// A socket in a message has an owner at any time.
@Suite struct HandedSocketTests {
    private struct Pair: ~Copyable {
        let one: StreamSocket
        let other: StreamSocket

        init() throws {
            var ends: [Int32] = [-1, -1]
            let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
            try systemCall("socketpair") { socketpair(AF_UNIX, type, 0, &ends) }
            one = StreamSocket(owning: Descriptor(owning: ends[0]))
            other = StreamSocket(owning: Descriptor(owning: ends[1]))
        }
    }

    private func isClosed(_ peer: borrowing StreamSocket) -> Bool { PumpRig.read(peer) == .success(0) }

    @Test("a socket that nobody takes is closed with its message")
    func notTaken() throws {
        let pair = try Pair()
        let other = pair.other
        var messages = [Worker.Message.accepted(HandedSocket(pair.one), RelayRig.tuple(0)), .stop]
        #expect(!isClosed(other))
        messages.removeAll()
        #expect(isClosed(other))
    }

    @Test("a socket is taken once, and is the taker's from then on")
    func taken() throws {
        let pair = try Pair()
        let other = pair.other
        let handed = HandedSocket(pair.one)
        var mine = handed.take()
        #expect(mine != nil)
        #expect(handed.take() == nil)
        #expect(!isClosed(other))
        mine = nil
        #expect(isClosed(other))
        _ = consume mine
    }

    @Test("a client that another worker has accepted is let go when the worker that it is for has stopped")
    func stopped() throws {
        let pair = try Pair()
        let other = pair.other
        let mailbox: Mailbox<Worker.Message>
        do {
            let rig = try RelayRig(.init(sessions: 0))
            mailbox = rig.mailbox
        }
        mailbox.post(.accepted(HandedSocket(pair.one), RelayRig.tuple(0)))
        #expect(!isClosed(other))
        // As `Converter.stop` does.
        _ = mailbox.take()
        #expect(isClosed(other))
    }
}
