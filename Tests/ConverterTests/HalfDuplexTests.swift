import Glibc
import LinuxSystem
import PacketForge
import Testing

@testable import Converter

/// How one direction moves bytes: turns, chunks, and what waits.
@Suite(.timeLimit(.minutes(1))) struct HalfDuplexTests {
    typealias Kind = ConnectedPair.Kind

    @Test("what has come is written, and nothing is left over", arguments: Kind.allCases, [1, 1000, 65_536, 150_000])
    func everythingMoves(_ kind: Kind, _ count: Int) throws {
        let rig = try PumpRig(kind)
        for _ in 0..<1000 where rig.sent < count {
            rig.send(count - rig.sent)
            #expect(try rig.drainAll() == .blockedRead)
        }
        #expect(rig.received == count)
        #expect(!rig.isReadable)
        #expect(!rig.hasPending)
        #expect(rig.isReading)
        #expect(rig.toRight.relayed == UInt64(count))
    }

    @Test("without news from the kernel nothing is read")
    func needsNews() throws {
        let rig = try PumpRig()
        #expect(rig.pump() == .blockedRead)
        rig.send(100)
        #expect(rig.pump() == .blockedRead)
        #expect(rig.unread == 100)
        rig.arrive()
        #expect(rig.pump() == .blockedRead)
        #expect(try rig.receive() == 100)
    }

    @Test("the caller hears of each read before its bytes are written")
    func received() throws {
        let rig = try PumpRig(chunk: HalfDuplex.smallestChunk)
        let count = HalfDuplex.smallestChunk + 1000
        rig.send(count)
        var calls: [Int] = []
        rig.onReceived = { [unowned rig] in calls.append(rig.unreadAtServer) }
        #expect(rig.pump() == .blockedRead)
        #expect(calls == [0, HalfDuplex.smallestChunk])
    }

    // MARK: - Budgets

    @Test("a spent budget ends a turn, and the rest comes with the next", arguments: [1, 20_000, 65_536, 100_000])
    func budget(_ budget: Int) throws {
        let rig = try PumpRig(chunk: HalfDuplex.firstChunk)
        let count = rig.send(150_000)
        try #require(count > 100_000)
        #expect(rig.pump(budget: budget) == .budgetSpent)
        let moved = count - rig.unread
        #expect(moved >= budget)
        #expect(rig.budgetLeft == budget - moved)
        #expect(rig.isReadable)
        #expect(try rig.receive() == moved)
        #expect(try rig.drain() == .blockedRead)
        #expect(rig.received == count)
    }

    @Test("without a budget nothing is read, and what waits is written all the same")
    func noBudget() throws {
        let rig = try PumpRig()
        rig.send(100)
        #expect(rig.pump(budget: 0) == .budgetSpent)
        #expect(rig.unread == 100)
        rig.right.isWritable = false
        #expect(rig.pump() == .blockedWrite(hasKept: true))
        rig.send(50)
        rig.right.isWritable = true
        #expect(rig.pump(budget: 0) == .budgetSpent)
        #expect(try rig.receive() == 100)
        #expect(rig.unread == 50)
    }

    // MARK: - What the destination doesn't take

    @Test("what is not taken is kept, and nothing more is read until it has gone", arguments: Kind.allCases)
    func backpressure(_ kind: Kind) throws {
        let rig = try PumpRig(kind, room: 16 << 10)
        var outcome = HalfDuplex.Outcome.blockedRead
        for _ in 0..<10_000 where outcome == .blockedRead {
            if rig.send(8 << 10) > 0 { rig.arrive() }
            outcome = rig.pump()
        }
        #expect(outcome == .blockedWrite(hasKept: true))
        #expect(rig.hasPending)
        #expect(!rig.isReading)
        rig.send(5000)
        let unread = rig.unread
        rig.arrive()
        for _ in 0..<3 {
            #expect(rig.pump() == .blockedWrite(hasKept: false))
            #expect(rig.budgetLeft == PumpRig.turn)
        }
        #expect(rig.unread >= unread)
        #expect(try rig.drainAll() == .blockedRead)
        #expect(rig.received == rig.sent)
    }

    @Test("a destination that takes a part at a time gets all in order")
    func partialWrites() throws {
        let rig = try PumpRig(room: 8 << 10)
        var blocked = 0
        for _ in 0..<2000 where rig.sent < 1 << 20 {
            rig.send(6 << 10)
            rig.arrive()
            if case .blockedWrite = rig.pump() { blocked += 1 }
            try rig.receive(5000)
            rig.right.isWritable = true
        }
        rig.arrive()
        #expect(try rig.drain() == .blockedRead)
        #expect(rig.received == rig.sent && rig.sent >= 1 << 20)
        #expect(blocked > 10)
    }

    @Test("what a destination can't take at all is kept from the first byte on")
    func notWritable() throws {
        let rig = try PumpRig()
        rig.right.isWritable = false
        rig.send(3000)
        #expect(rig.pump() == .blockedWrite(hasKept: true))
        #expect(rig.unread == 0 && rig.unreadAtServer == 0)
        #expect(rig.toRight.relayed == 0)
        rig.right.isWritable = true
        #expect(rig.pump() == .blockedRead)
        #expect(try rig.receive() == 3000)
    }

    @Test("both directions go on by themselves: one that is blocked doesn't hold the other up")
    func bothDirections() throws {
        let rig = try PumpRig()
        rig.right.isWritable = false
        rig.send(100)
        #expect(rig.pump() == .blockedWrite(hasKept: true))
        try RelayRig.send("answer", on: rig.serverDescriptor)
        #expect(rig.pumpBack() == .blockedRead)
        #expect(try RelayRig.receive(6, on: rig.clientDescriptor) == "answer")
    }

    // MARK: - Chunks

    @Test(
        "a chunk grows while all is taken, up to its limit",
        arguments: [
            (HalfDuplex.smallestChunk, 2 * HalfDuplex.smallestChunk),
            (HalfDuplex.firstChunk, 2 * HalfDuplex.firstChunk), (2 * HalfDuplex.firstChunk, HalfDuplex.largestChunk),
            (HalfDuplex.largestChunk, HalfDuplex.largestChunk),
        ])
    func growth(_ chunk: Int, _ next: Int) throws {
        let rig = try PumpRig(chunk: chunk, room: 1 << 20)
        try #require(rig.send(chunk) == chunk)
        _ = rig.pump(budget: 1)
        #expect(rig.toRight.chunk == next)
        #expect(try rig.receive() == chunk)
    }

    @Test("a chunk that isn't filled stays as it is", arguments: [HalfDuplex.smallestChunk, HalfDuplex.firstChunk])
    func noGrowth(_ chunk: Int) throws {
        let rig = try PumpRig(chunk: chunk)
        rig.send(chunk - 1)
        #expect(rig.pump() == .blockedRead)
        #expect(rig.toRight.chunk == chunk)
    }

    @Test("a chunk shrinks each time that not all is taken, down to its limit")
    func shrinking() throws {
        let rig = try PumpRig(chunk: HalfDuplex.largestChunk)
        for expected in [128, 64, 32, 16, 16, 16] {
            rig.right.isWritable = false
            rig.send(10)
            rig.arrive()
            #expect(rig.pump() == .blockedWrite(hasKept: true))
            #expect(rig.toRight.chunk == expected << 10)
            rig.right.isWritable = true
            #expect(rig.pump() == .blockedRead)
        }
        #expect(try rig.receive() == 60)
    }

    @Test("a buffer that is given back is used again by what needs one of its size", arguments: [1, 16_384, 200_000])
    func buffers(_ count: Int) {
        var buffers = PendingBuffers()
        let first = buffers.take(count)
        let second = buffers.take(count)
        #expect(first.count >= count && first.baseAddress != second.baseAddress)
        buffers.giveBack(first)
        let third = buffers.take(count)
        #expect(third.baseAddress == first.baseAddress)
        buffers.giveBack(second)
        buffers.giveBack(third)
    }

    // MARK: - All of it

    @Test("whatever the pace of both ends, the stream is the same", arguments: Kind.allCases, 1...6)
    func anyPace(_ kind: Kind, seed: Int) throws {
        let rig = try PumpRig(kind, splices: seed % 2 == 0, chunk: HalfDuplex.largestChunk, room: 32 << 10)
        var random = SplitMix64(seed: UInt64(seed))
        for _ in 0..<400 {
            rig.send(Int(random.next() % 20_000))
            if random.next() % 2 == 0 { rig.arrive(isFresh: random.next() % 2 == 0) }
            switch rig.pump(budget: Int(random.next() % 100_000)) {
            case .blockedRead, .blockedWrite, .budgetSpent: break
            case let outcome: Issue.record("\(outcome)")
            }
            try rig.receive(Int(random.next() % 30_000))
            if random.next() % 2 == 0 { rig.right.isWritable = true }
        }
        rig.right.isWritable = true
        #expect(try rig.drainAll() == .blockedRead)
        rig.client?.endStream()
        try rig.awaitEvent()
        #expect(rig.pump() == .ended)
        #expect(rig.received == rig.sent)
        #expect(rig.sent > 100_000)
        #expect(rig.toRight.relayed == UInt64(rig.sent))
        #expect(ConnectedPair.wait(rig.serverDescriptor, POLLIN))
        #expect(rig.serverReads == .success(0))
    }
}
