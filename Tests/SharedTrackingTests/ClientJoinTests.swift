import SharedTracking
import Synchronization
import Testing
import Wire

@testable import Tracking

/// Who asked for listeners is told when a further subflow's handshake is through.
@Suite struct ClientJoinTests {
    @Test(arguments: [false, true])
    func toldOnceOfThoseThatEndHere(isForwarded: Bool) {
        let stage = Stage()
        let joined = Joined()
        stage.watch.listen(
            .init(
                clientJoins: joined.add, clientSends: { _, _ in }, serverSends: { _, _ in }))
        let send = { (line: Line, host: Host, flags: TCPFlags, options: [MultipathOption]) in
            stage.see(line.lose(host, flags, options), isForwarded: isForwarded)
        }
        let secrets = stage.secrets
        let first = stage.line("10.1.0.2:40000")
        send(first, .client, .syn, [secrets.synOption])
        send(first, .server, [.syn, .ack], [secrets.synAckOption])
        send(first, .client, .ack, [secrets.ackOption])
        let second = stage.line("10.2.0.2:40000")
        send(second, .client, .syn, [secrets.joinSYN()])
        send(second, .server, [.syn, .ack], [secrets.joinSYNACK()])
        #expect(joined.all == [])
        send(second, .client, .ack, [secrets.joinACK()])
        send(second, .client, .ack, [secrets.joinACK()])
        #expect(joined.all == (isForwarded ? [] : [second.tuple]))
    }

    private final class Joined: Sendable {
        private let tuples = Mutex<[FourTuple]>([])

        var all: [FourTuple] { tuples.withLock(\.self) }

        func add(_ tuple: FourTuple) { tuples.withLock { $0.append(tuple) } }
    }
}
