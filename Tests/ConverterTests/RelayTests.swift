import Glibc
import LinuxSystem
import SystemPackage
import Testing
import Wire

@testable import Converter

/// How bytes move between real sockets, and how sessions end.
@Suite(.timeLimit(.minutes(1))) struct RelayTests {
    /// MPTCP has no urgent data: a server's urgent byte stays where it is in the stream.
    @Test("urgent bytes arrive in line and in order", arguments: [true, false])
    func urgentBytes(splices: Bool) throws {
        let rig = try RelayRig(.init(splices: splices))
        for round in 0..<20 {
            try RelayRig.send("before", on: rig.server())
            // Sometimes alone, sometimes behind what has not been read yet.
            if round % 2 == 0 { #expect(try RelayRig.receive(6, on: rig.client()) == "before") }
            try RelayRig.send("!", on: rig.server(), flags: Int32(MSG_OOB))
            if round % 3 == 0 { try RelayRig.send("?", on: rig.server(), flags: Int32(MSG_OOB)) }
            try RelayRig.send("after", on: rig.server())
            let expected = (round % 2 == 0 ? "" : "before") + (round % 3 == 0 ? "!?" : "!") + "after"
            #expect(try RelayRig.receive(expected.utf8.count, on: rig.client()) == expected)
            try RelayRig.send("answer", on: rig.client())
            #expect(try RelayRig.receive(6, on: rig.server()) == "answer")
        }
    }

    @Test("a pipe that loses bytes ends that session, and the others go on")
    func shortPipe() throws {
        let rig = try RelayRig(.init(sessions: 2, splices: true, pipeLosesAll: true))
        for session in 0...1 {
            // Once this has come through, the worker has found nothing to read from the server.
            try RelayRig.send("hello", on: rig.client(session))
            #expect(try RelayRig.receive(5, on: rig.server(session)) == "hello")
            // The next read is timed, and doesn't go by the pipe.
            try RelayRig.send("copied", on: rig.server(session))
            #expect(try RelayRig.receive(6, on: rig.client(session)) == "copied")
        }
        try RelayRig.send("spliced", on: rig.server(0))
        #expect(RelayRig.failure(on: rig.client(0)) == .connectionReset)
        #expect(RelayRig.failure(on: rig.server(0)) == .connectionReset)
        for word in ["still", "there"] {
            try RelayRig.send(word, on: rig.server(1))
            #expect(try RelayRig.receive(5, on: rig.client(1)) == word)
        }
        #expect(rig.shared.counters.relayFaults.load(ordering: .relaxed) == 1)
        #expect(rig.shared.counters.open.load(ordering: .relaxed) == 1)
    }

    /// Without SO_LINGER, as where the kernel's MPTCP knows nothing of it: a deliberate end is a reset all the same.
    @Test("an operator's end is a reset on both sides, whatever closing does", arguments: [true, false])
    func operatorsEnd(resetsOnClose: Bool) async throws {
        let rig = try RelayRig(.init(sessions: 2, resetsOnClose: resetsOnClose))
        try RelayRig.send("x", on: rig.client())
        #expect(try RelayRig.receive(1, on: rig.server()) == "x")
        let selection = ConnectionSelection(
            client: .init(prefix: IPPrefix("10.1.0.0/16")!, port: rig.tuples[0].client.port), server: nil, token: nil)
        let closed = await withCheckedContinuation { answer in
            rig.mailbox.post(.close(selection, fromSlot: 0) { count, _ in answer.resume(returning: count) })
        }
        #expect(closed == 1)
        #expect(RelayRig.failure(on: rig.client(0)) == .connectionReset)
        #expect(RelayRig.failure(on: rig.server(0)) == .connectionReset)
        try RelayRig.send("y", on: rig.server(1))
        #expect(try RelayRig.receive(1, on: rig.client(1)) == "y")
    }

    /// The same of a reset that is passed on.
    @Test("a side's reset is passed on, whatever closing does", arguments: [true, false], [true, false])
    func passedOn(fromServer: Bool, resetsOnClose: Bool) throws {
        let rig = try RelayRig(.init(resetsOnClose: resetsOnClose))
        try RelayRig.send("x", on: rig.client())
        #expect(try RelayRig.receive(1, on: rig.server()) == "x")
        if fromServer { rig.ends().server.abort() } else { rig.ends().client.abort() }
        #expect(RelayRig.failure(on: fromServer ? rig.client() : rig.server()) == .connectionReset)
    }
}
