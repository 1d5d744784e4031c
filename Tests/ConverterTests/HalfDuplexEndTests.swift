import Glibc
import LinuxSystem
import SystemPackage
import Testing

@testable import Converter

/// How one direction ends: in order, by a reset of its source, or because its destination takes nothing any more.
@Suite(.timeLimit(.minutes(1))) struct HalfDuplexEndTests {
    typealias Kind = ConnectedPair.Kind

    // MARK: - In order

    @Test("the end of a stream is passed on behind its last byte", arguments: Kind.allCases)
    func end(_ kind: Kind) throws {
        let rig = try PumpRig(kind)
        rig.send(1000)
        rig.client?.endStream()
        try rig.awaitArrival(1000)
        #expect(rig.serverReads == nil)
        #expect(try outcome(of: rig) == .ended)
        #expect(rig.isFinished && !rig.isReading)
        try rig.receiveAll(1000)
        #expect(ConnectedPair.wait(rig.serverDescriptor, POLLIN))
        #expect(rig.serverReads == .success(0))
        // And once only.
        #expect(rig.pump() == .ended)
    }

    @Test("the end waits until all has been written")
    func endBehindPending() throws {
        let rig = try PumpRig()
        rig.right.isWritable = false
        rig.send(1000)
        #expect(rig.pump() == .blockedWrite(hasKept: true))
        rig.client?.endStream()
        rig.arrive()
        #expect(rig.pump() == .blockedWrite(hasKept: false))
        #expect(!rig.isFinished)
        #expect(rig.serverReads == nil)
        rig.right.isWritable = true
        #expect(rig.pump() == .ended)
        #expect(try rig.receive() == 1000)
        #expect(rig.serverReads == .success(0))
    }

    @Test("a half-closed session goes on the other way, whichever end was first", arguments: [true, false])
    func halfClose(clientFirst: Bool) throws {
        let rig = try PumpRig()
        let (client, server) = (rig.clientDescriptor, rig.serverDescriptor)
        if clientFirst {
            rig.client?.endStream()
            #expect(rig.pump() == .ended)
            #expect(rig.serverReads == .success(0))
            for _ in 0..<3 {
                try RelayRig.send("answer", on: server)
                rig.right.isReadable = true
                #expect(rig.pumpBack() == .blockedRead)
                #expect(try RelayRig.receive(6, on: client) == "answer")
            }
            rig.server?.endStream()
            rig.right.isReadable = true
            #expect(rig.pumpBack() == .ended)
            #expect(rig.clientReads == .success(0))
        } else {
            rig.server?.endStream()
            #expect(rig.pumpBack() == .ended)
            #expect(rig.clientReads == .success(0))
            for _ in 0..<3 {
                rig.send(100)
                rig.arrive()
                #expect(rig.pump() == .blockedRead)
                #expect(try rig.receive() == 100)
            }
            rig.client?.endStream()
            rig.arrive()
            #expect(rig.pump() == .ended)
            #expect(rig.serverReads == .success(0))
        }
        #expect(rig.isFinished && rig.isFinishedBack)
    }

    // MARK: - A source that is reset

    @Test("a source's reset is told of behind the bytes that came before it", arguments: Kind.allCases)
    func reset(_ kind: Kind) throws {
        let rig = try PumpRig(kind)
        rig.send(1000)
        try rig.awaitArrival(1000)
        try rig.resetClient()
        try rig.awaitReset()
        #expect(try outcome(of: rig) == .failed(.source))
        try rig.receiveAll(1000)
        // The end of the stream is not told of: what follows is the caller's to decide.
        #expect(rig.serverReads == nil)
        #expect(!rig.isFinished)
        #expect(rig.pump() == .failed(.source))
    }

    @Test("bytes that wait for the destination are delivered before a reset of their source counts")
    func resetBehindPending() throws {
        let rig = try PumpRig()
        rig.right.isWritable = false
        rig.send(1000)
        #expect(rig.pump() == .blockedWrite(hasKept: true))
        try rig.resetClient()
        // As the worker does when the kernel tells of an error.
        rig.left.breakDown()
        #expect(rig.pump() == .blockedWrite(hasKept: false))
        rig.right.isWritable = true
        #expect(rig.pump() == .failed(.source))
        #expect(try rig.receive() == 1000)
    }

    @Test("a reset right behind the end, of which there is one event, is a reset")
    func resetRightBehindEnd() throws {
        let rig = try PumpRig(.tcp)
        rig.client?.endStream()
        try rig.awaitEvent()
        try rig.client?.setResetOnClose(true)
        rig.closeClient()
        try rig.awaitReset()
        #expect(rig.pump() == .failed(.source))
        #expect(rig.serverReads == nil)
    }

    @Test("a reset behind an end that was passed on is a reset", arguments: Kind.allCases)
    func resetAfterEnd(_ kind: Kind) throws {
        let rig = try PumpRig(kind)
        rig.client?.endStream()
        try rig.awaitEvent()
        #expect(rig.pump() == .ended)
        try rig.resetClient()
        rig.left.breakDown()
        #expect(rig.pump() == .failed(.source))
    }

    @Test("from a broken source everything is read, and then it has failed", arguments: Kind.allCases)
    func brokenSource(_ kind: Kind) throws {
        let rig = try PumpRig(kind)
        rig.send(1000)
        try rig.awaitArrival(1000)
        rig.left.breakDown()
        // It isn't waited for, though its connection stands.
        #expect(rig.pump() == .failed(.source))
        try rig.receiveAll(1000)
    }

    @Test("the end of a broken source's stream is no orderly one")
    func brokenSourceEnds() throws {
        let rig = try PumpRig()
        rig.send(10)
        rig.client?.endStream()
        rig.left.breakDown()
        #expect(rig.pump() == .failed(.source))
        #expect(try rig.receive() == 10)
        #expect(rig.serverReads == nil)
    }

    // MARK: - A destination that takes nothing

    @Test("a write that fails is told of once, and what comes later is discarded", arguments: [true, false])
    func destinationFails(splices: Bool) throws {
        let rig = try PumpRig(splices: splices, chunk: splices ? HalfDuplex.largestChunk : HalfDuplex.firstChunk)
        rig.send(100)
        #expect(rig.pump() == .blockedRead)
        rig.closeServer()
        rig.right.isReadable = false
        rig.send(100)
        rig.arrive()
        #expect(rig.pump() == .failed(.destination))
        #expect(rig.isBroken)
        #expect(rig.isRightReadable, "what it sent before is still to be read")
        #expect(!rig.hasPending)
        for _ in 0..<3 {
            rig.send(1000)
            rig.arrive()
            #expect(rig.pump() == .blockedRead)
            #expect(rig.unread == 0)
        }
        #expect(rig.toRight.relayed == 100)
        rig.client?.endStream()
        rig.arrive()
        #expect(rig.pump() == .ended)
    }

    @Test("what waits for a destination that fails is discarded")
    func destinationFailsWithPending() throws {
        let rig = try PumpRig()
        rig.right.isWritable = false
        rig.send(1000)
        #expect(rig.pump() == .blockedWrite(hasKept: true))
        rig.closeServer()
        rig.right.isWritable = true
        #expect(rig.pump() == .failed(.destination))
        #expect(!rig.hasPending)
        #expect(rig.pump() == .blockedRead)
        #expect(rig.toRight.relayed == 0)
    }

    @Test("what waits for a destination that is known to be broken is discarded without another word")
    func destinationIsBroken() throws {
        let rig = try PumpRig()
        rig.right.isWritable = false
        rig.send(1000)
        #expect(rig.pump() == .blockedWrite(hasKept: true))
        let isNews = [rig.right.breakDown(), rig.right.breakDown()]
        #expect(isNews == [true, false])
        rig.send(500)
        #expect(rig.pump() == .blockedRead)
        #expect(!rig.hasPending && rig.unread == 0)
        #expect(rig.unreadAtServer == 0)
    }

    @Test("no end is passed on to a broken destination")
    func endTowardsBroken() throws {
        let rig = try PumpRig()
        rig.right.breakDown()
        rig.client?.endStream()
        #expect(rig.pump() == .ended)
        #expect(rig.isFinished)
        #expect(rig.serverReads == nil)
    }

    /// The first outcome that isn't that there may be more to come.
    private func outcome(of rig: PumpRig) throws -> HalfDuplex.Outcome {
        var outcome = rig.pump()
        for _ in 0..<1000 where outcome == .blockedRead {
            try rig.awaitEvent()
            outcome = rig.pump()
        }
        return outcome
    }
}
