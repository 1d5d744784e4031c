import Glibc
import LinuxSystem
import Testing

@testable import Converter

/// The ways that bytes take: by the pipe, by a copy, or with the time of their arrival.
@Suite(.timeLimit(.minutes(1))) struct HalfDuplexPipeTests {
    private static let largest = HalfDuplex.largestChunk

    // MARK: - The pipe

    @Test(
        "what the destination doesn't take is got out of the pipe again, and comes in its place",
        arguments: [true, false])
    func remainder(splices: Bool) throws {
        let rig = try PumpRig(splices: splices, chunk: Self.largest)
        // Less room at the server's side than there is to move.
        try rig.limitRoom(right: 8 << 10)
        let count = rig.send(100_000)
        try #require(count > 50_000)
        #expect(rig.pump() == .blockedWrite(hasKept: true))
        let written = Int(rig.toRight.relayed)
        #expect(written > 0 && written < count)
        #expect(rig.unread == 0)
        #expect(try rig.receive() == written)
        #expect(try rig.drainAll() == .blockedRead)
        #expect(rig.received == count)
        #expect(rig.isPipeEmpty)
    }

    @Test("small chunks, and those of a direction without a pipe, are copied", arguments: [true, false])
    func copied(splices: Bool) throws {
        let chunk = splices ? HalfDuplex.firstChunk : Self.largest
        let rig = try PumpRig(splices: splices, chunk: chunk, pipe: try RelayRig.leakingPipe())
        rig.send(1000)
        #expect(rig.pump() == .blockedRead)
        #expect(try rig.receive() == 1000)
        #expect(rig.isPipeSound)
    }

    @Test("bytes that the pipe loses are told of, and no later ones are given to it")
    func lost() throws {
        let rig = try PumpRig(splices: true, chunk: Self.largest, pipe: try RelayRig.leakingPipe())
        rig.send(1000)
        #expect(rig.pump() == .bytesLost)
        #expect(!rig.isPipeSound)
        #expect(rig.pump() == .failed(.source), "it doesn't go on")
        #expect(try rig.receive() == 0)
        // Another direction with the same pipe.
        rig.toRight = HalfDuplex(splices: true, chunk: Self.largest)
        rig.right.isWritable = true
        rig.forgetSent()
        rig.send(1000)
        rig.arrive()
        #expect(rig.pump() == .blockedRead)
        #expect(try rig.receive() == 1000)
    }

    @Test("nothing goes into the pipe for a destination that takes nothing", arguments: [true, false])
    func notInto(isBroken: Bool) throws {
        let rig = try PumpRig(splices: true, chunk: Self.largest, pipe: try RelayRig.leakingPipe())
        if isBroken { rig.right.breakDown() } else { rig.right.isWritable = false }
        rig.send(1000)
        #expect(rig.pump() == (isBroken ? .blockedRead : .blockedWrite(hasKept: true)))
        #expect(rig.unread == 0)
        #expect(rig.isPipeSound)
    }

    @Test("the end of a stream is seen through the pipe, and so is that there is nothing")
    func endThroughPipe() throws {
        let rig = try PumpRig(splices: true, chunk: Self.largest)
        #expect(rig.pump() == .blockedRead)
        #expect(!rig.isReadable)
        rig.send(1000)
        rig.client?.endStream()
        rig.arrive()
        #expect(rig.pump() == .ended)
        #expect(try rig.receive() == 1000)
        #expect(rig.serverReads == .success(0))
    }

    // MARK: - Urgent data

    @Test("an urgent byte goes in line, by either way", arguments: [true, false])
    func urgent(splices: Bool) throws {
        let rig = try PumpRig(.tcp, splices: splices, chunk: Self.largest)
        let (client, server) = (rig.clientDescriptor, rig.serverDescriptor)
        for round in 0..<10 {
            try RelayRig.send("before", on: client)
            if round % 2 == 0 {
                try rig.awaitArrival(6)
                #expect(rig.pump() == .blockedRead)
            }
            try RelayRig.send("!", on: client, flags: Int32(MSG_OOB))
            try RelayRig.send("after", on: client)
            // FIONREAD counts up to the urgent byte only.
            var arrived = ""
            for _ in 0..<10_000 where arrived.utf8.count < 12 {
                rig.arrive()
                #expect(rig.pump() == .blockedRead)
                arrived += ConnectedPair.text(server)
                if arrived.utf8.count < 12 { usleep(1000) }
            }
            #expect(arrived == "before!after")
        }
    }

    // MARK: - Timed reads

    @Test("of fresh reads the first is timed, and then one of sixteen")
    func sampling() throws {
        let rig = try PumpRig(.tcp)
        try rig.left.socket.wantTimestamps()
        // The kernel may begin to stamp a moment after it was asked to: a read without a figure leaves the turn to the next.
        var delay: UInt64?
        for _ in 0..<10_000 where delay == nil {
            delay = try passOne(rig, isFresh: true)
            if delay == nil { usleep(1000) }
        }
        #expect(delay != nil)
        for round in 1...48 {
            #expect((try passOne(rig, isFresh: true) != nil) == (round % 16 == 0), "\(round)")
        }
    }

    @Test("what isn't fresh is never timed, and what had to wait gives no figure")
    func notTimed() throws {
        let rig = try PumpRig(.tcp)
        try rig.left.socket.wantTimestamps()
        for _ in 0..<40 { #expect(try passOne(rig, isFresh: false) == nil) }
        // As late as this the kernel stamps, if it does at all.
        var isStamped = false
        for _ in 0..<10_000 where !isStamped {
            isStamped = try passOne(rig, isFresh: true) != nil
            if !isStamped { usleep(1000) }
        }
        #expect(isStamped)
        for _ in 0..<15 { #expect(try passOne(rig, isFresh: true) == nil) }
        // Its turn: but it has to wait for the destination.
        rig.right.isWritable = false
        rig.send(10)
        try rig.awaitArrival(10)
        rig.arrive(isFresh: true)
        #expect(rig.pump() == .blockedWrite(hasKept: true))
        rig.right.isWritable = true
        #expect(rig.pump() == .blockedRead)
        #expect(rig.toRight.takeDelay() == nil)
        try rig.receiveAll(10)
        #expect(try passOne(rig, isFresh: true) != nil, "the turn is the next one's")
    }

    /// The figure of one message.
    private func passOne(_ rig: PumpRig, isFresh: Bool) throws -> UInt64? {
        rig.send(10)
        try rig.awaitArrival(10)
        rig.arrive(isFresh: isFresh)
        #expect(rig.pump() == .blockedRead)
        try rig.receiveAll(10)
        let delay = rig.toRight.takeDelay()
        #expect(rig.toRight.takeDelay() == nil, "it is told once")
        return delay
    }

    // MARK: - A deaf destination

    @Test("a destination that is deaf hears again once there are bytes for it")
    func deaf() throws {
        let rig = try PumpRig(.tcp)
        rig.right.setDeaf(true)
        try #require(rig.isDeaf)
        #expect(rig.pump() == .blockedRead)
        #expect(rig.isDeaf, "nothing has come")
        rig.send(100)
        try rig.awaitArrival(100)
        #expect(rig.pump() == .blockedRead)
        #expect(!rig.isDeaf)
        try rig.receiveAll(100)
        for _ in 0..<10_000 where rig.right.socket.unacknowledged > 0 { usleep(1000) }
        #expect(rig.right.socket.unacknowledged == 0)
    }
}
