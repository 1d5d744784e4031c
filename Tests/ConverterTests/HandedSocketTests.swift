import LinuxSystem
import Testing

@testable import Converter

/// A socket in a message has an owner at any time.
@Suite struct HandedSocketTests {
    /// A socket to be handed on, and the other end of its connection.
    private final class Connection {
        private var near: StreamSocket?
        private let far: StreamSocket

        init() throws {
            let pair = try ConnectedPair(.unix)
            near = .some(pair.near)
            far = pair.far
        }

        func hand() -> HandedSocket { HandedSocket(near.take()!) }

        /// Has the socket been closed, whoever owned it?
        var isClosed: Bool { ConnectedPair.read(far.rawValue) == .success(0) }
    }

    @Test("a socket that nobody takes is closed with its message")
    func notTaken() throws {
        let connection = try Connection()
        var messages = [Worker.Message.accepted(connection.hand(), RelayRig.tuple(0)), .stop]
        #expect(!connection.isClosed)
        messages.removeAll()
        #expect(connection.isClosed)
    }

    @Test("a socket is taken once, and is the taker's from then on")
    func taken() throws {
        let connection = try Connection()
        let handed = connection.hand()
        var mine = handed.take()
        let isMine = mine != nil
        let isThereAnother = handed.take() != nil
        #expect(isMine && !isThereAnother)
        #expect(!connection.isClosed)
        mine = nil
        #expect(connection.isClosed)
    }

    @Test("a client that was accepted for a worker that has stopped is let go with its mail")
    func stopped() throws {
        let connection = try Connection()
        let mailbox: Mailbox<Worker.Message>
        do {
            let rig = try RelayRig(.init(sessions: 0))
            mailbox = rig.mailbox
        }
        mailbox.post(.accepted(connection.hand(), RelayRig.tuple(0)))
        #expect(!connection.isClosed)
        // As `Converter.stop` does.
        _ = mailbox.take()
        #expect(connection.isClosed)
    }
}
