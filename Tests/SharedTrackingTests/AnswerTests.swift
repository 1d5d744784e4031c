import SharedTracking
import Synchronization
import Testing
import Wire

@testable import Tracking

/// Who wants to know is told of a token when the box's SYN/ACK gives it.
@Suite struct AnswerTests {
    @Test(arguments: [false, true])
    func toldOfThoseThatEndHere(isForwarded: Bool) throws {
        let stage = Stage()
        let told = Told()
        stage.watch.listen(
            .init(
                clientJoins: { _ in }, clientSends: { _, _ in }, serverSends: { _, _ in }, isAnswered: told.add))
        let send = { (line: Line, host: Host, flags: TCPFlags, options: [MultipathOption]) in
            stage.see(line.lose(host, flags, options), isForwarded: isForwarded)
        }
        let first = stage.line("10.1.0.2:40000")
        send(first, .client, .syn, [stage.secrets.synOption])
        #expect(told.all.isEmpty)
        send(first, .server, [.syn, .ack], [stage.secrets.synAckOption])
        let token = try #require(stage.watch.connection(of: first.tuple)?.token)
        let expected: [Told.Entry] = isForwarded ? [] : [.init(tuple: first.tuple, token: token)]
        #expect(told.all == expected)
        // Neither what follows nor further subflows tell anything new.
        send(first, .client, .ack, [stage.secrets.ackOption])
        let second = stage.line("10.2.0.2:40000")
        send(second, .client, .syn, [stage.secrets.joinSYN()])
        send(second, .server, [.syn, .ack], [stage.secrets.joinSYNACK()])
        send(second, .client, .ack, [stage.secrets.joinACK()])
        #expect(told.all == expected)
        // A server's answer without a key has none.
        let third = stage.line("10.1.0.2:40001")
        send(third, .client, .syn, [stage.secrets.synOption])
        send(third, .server, [.syn, .ack], [])
        #expect(told.all == expected)
    }

    private final class Told: Sendable {
        struct Entry: Hashable {
            var tuple: FourTuple
            var token: Token
        }

        private let entries = Mutex<[Entry]>([])

        var all: [Entry] { entries.withLock(\.self) }

        func add(_ tuple: FourTuple, _ token: Token) {
            entries.withLock { $0.append(Entry(tuple: tuple, token: token)) }
        }
    }
}
