import Glibc
import Testing
import Wire

@testable import Cluster

/// Boxes and a real Redis server, and what goes wrong between them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct DirectoryTests {
    /// Two boxes that see each other.
    private func pair(_ rig: Rig) async throws -> (Box, Box) {
        let boxes = (try rig.box("box-1", peers: ["box-2"]), try rig.box("box-2", peers: ["box-1"]))
        try await wait("the boxes") {
            [boxes.0, boxes.1].allSatisfy { $0.isConnected && $0.cluster.report.peers.allSatisfy(\.isAlive) }
        }
        return boxes
    }

    @Test func tokensAreFoundWhileTheirConnectionsLive() async throws {
        let rig = try Rig()
        try await rig.start()
        let (one, two) = try await pair(rig)
        for number in 0..<100 as Range<UInt32> { one.opened(number) }
        try await wait { one.cluster.report.told == 100 }
        #expect(try await rig.ask("get", name(3)) == "box-1")
        let left = try #require(Int(try await rig.ask("pttl", name(3))))
        #expect((1...600_000).contains(left))
        for number in 0..<100 as Range<UInt32> { #expect(try await two.ask(number) == .peer(0)) }
        #expect(two.count(.found) == 100 && two.cluster.lookupTimes.snapshot.count == 100)
        // Its own ones it knows without: what the directory says of them is old.
        #expect(try await one.ask(3) == .nobody)
        #expect(one.count(.own) == 1)
        // Another server's connection may have the same token.
        #expect(try await two.ask(1000) == .nobody)
        #expect(two.count(.absent) == 1)
        for number in 0..<100 as Range<UInt32> { one.ended(number) }
        try await wait { one.cluster.report.told == 200 }
        #expect(try await rig.ask("keys", "sluice:token:*") == "")
        #expect(try await two.ask(3) == .nobody)
        #expect(one.cluster.report.tokens == 0 && one.cluster.report.lost == 0)
    }

    @Test func aBoxThatStopsTakesItsSignAway() async throws {
        let rig = try Rig()
        try await rig.start()
        let (one, two) = try await pair(rig)
        one.opened(1)
        try await wait { one.cluster.report.told == 1 }
        one.ended(1)
        one.opened(2)
        try await wait { one.cluster.report.tokens == 1 && one.cluster.report.told == 3 }
        #expect(try await two.ask(2) == .peer(0))
        one.cluster.stop()
        #expect(try await rig.ask("get", "sluice:box:box-1") == "")
        try await wait("the news") { !two.cluster.report.peers[0].isAlive }
        #expect(try await two.ask(2) == .nobody)
        #expect(two.count(.down) == 1)
        #expect(rig.messages.count("notice: the cluster's box box-1 is gone") == 1)
    }

    /// A box that was killed takes nothing away: its sign of life ends.
    @Test func aBoxThatIsKilledIsGoneWithItsSign() async throws {
        let rig = try Rig()
        try await rig.start()
        let one = try rig.box("box-1", peers: ["box-2"])
        try await wait { one.isConnected }
        try await rig.ask("set", "sluice:box:box-2", "1f", "px", "1500")
        try await rig.ask("set", name(5), "box-2")
        try await wait { one.cluster.report.peers[0].isAlive }
        #expect(try await one.ask(5) == .peer(0))
        try await wait("its end") { !one.cluster.report.peers[0].isAlive }
        #expect(try await one.ask(5) == .nobody)
        #expect(one.count(.down) == 1)
    }

    @Test func anEmptyServerIsToldAll() async throws {
        let rig = try Rig()
        try await rig.start()
        let (one, two) = try await pair(rig)
        for number in 0..<1000 as Range<UInt32> { one.opened(number) }
        try await wait { one.cluster.report.told == 1000 }
        try await rig.kill()
        try await wait("the loss") { !one.isConnected && !two.isConnected }
        #expect(try await two.ask(1) == .unknown)
        #expect(two.count(.unreachable) == 1)
        // What begins and ends meanwhile counts, too.
        one.ended(0)
        one.opened(1000)
        #expect(!two.cluster.report.peers[0].isAlive)
        try await rig.start()
        try await wait("the tokens") {
            try await rig.ask("eval", "return #redis.call('keys', 'sluice:token:*')", "0") == "1000"
        }
        try await wait { one.isConnected && two.isConnected && two.cluster.report.peers[0].isAlive }
        #expect(try await two.ask(1000) == .peer(0))
        #expect(try await rig.ask("get", name(0)) == "")
        #expect(
            rig.messages.count("warning: the cluster's directory at redis://127.0.0.1:\(rig.port)/0 can't be used") == 2
        )
        #expect(rig.messages.count("knows this box as box-1") == 2)
    }

    @Test func withoutAServerThatIsSaidOnce() async throws {
        let rig = try Rig()
        let one = try rig.box("box-1")
        try await wait { one.cluster.report.error?.contains("Connection refused") == true }
        try await Task.sleep(for: .milliseconds(600))
        #expect(rig.messages.all.count == 1)
        #expect(
            rig.messages.all.first == """
                warning: the cluster's directory at redis://127.0.0.1:\(rig.port)/0 can't be used: Connection refused; meanwhile \
                joins to connections of other boxes go on to the server, all else goes on
                """)
        for number in 0..<10 as Range<UInt32> { one.opened(number) }
        try await rig.start()
        try await wait { one.cluster.report.told == 10 }
        #expect(rig.messages.count("notice") == 1)
    }

    /// A server that hangs answers nothing: nobody waits for longer than is allowed, and it is given up.
    @Test func aServerThatHangs() async throws {
        let rig = try Rig()
        try await rig.start()
        let (one, two) = try await pair(rig)
        one.opened(2)
        try await wait { one.cluster.report.told == 1 }
        rig.signal(SIGSTOP)
        #expect(try await two.ask(2) == .unknown)
        #expect(two.count(.late) == 1)
        one.opened(4)
        try await wait("the loss") { two.cluster.report.error == "no answer for 1000 ms" }
        #expect(try await two.ask(2) == .unknown)
        #expect(two.count(.unreachable) == 1)
        rig.signal(SIGCONT)
        try await wait("its return") { two.isConnected && one.isConnected && two.cluster.report.peers[0].isAlive }
        try await wait { try await rig.ask("get", name(4)) == "box-1" }
        #expect(try await two.ask(4) == .peer(0))
    }

    @Test func aServerThatIsFull() async throws {
        let rig = try Rig()
        try await rig.start()
        let (one, two) = try await pair(rig)
        one.opened(2)
        try await wait { one.cluster.report.told == 1 }
        try await rig.ask("config", "set", "maxmemory", "1")
        one.opened(4)
        try await wait {
            [one, two].allSatisfy { $0.cluster.report.error?.contains("OOM command not allowed") == true }
                && rig.messages.count("can't be used") == 2
        }
        let before = rig.messages.count("can't be used")
        try await Task.sleep(for: .seconds(1))
        #expect(rig.messages.count("can't be used") == before)
        try await rig.ask("config", "set", "maxmemory", "0")
        try await wait("room") { one.isConnected && two.isConnected && two.cluster.report.peers[0].isAlive }
        try await wait { try await rig.ask("get", name(4)) == "box-1" }
        #expect(try await two.ask(4) == .peer(0))
    }

    @Test func passwords() async throws {
        let rig = try Rig()
        try await rig.start(password: "s3cret word")
        let none = try rig.box("box-1")
        try await wait { none.cluster.report.error?.contains("NOAUTH Authentication required") == true }
        let wrong = try rig.box(rig.setting("box-2", password: "s3cret"))
        try await wait { wrong.cluster.report.error?.contains("WRONGPASS") == true }
        let right = try rig.box(rig.setting("box-3", password: "s3cret word"))
        try await wait { right.isConnected }
        right.opened(1)
        try await wait { right.cluster.report.told == 1 }
        #expect(try await rig.ask("get", name(1), password: "s3cret word") == "box-3")
        #expect(rig.messages.count("s3cret") == 0)
    }

    @Test func anIdThatIsUsedTwiceIsSaid() async throws {
        let rig = try Rig()
        try await rig.start()
        let one = try rig.box("box-1")
        try await wait { one.isConnected }
        do {
            let other = try rig.box("box-1")
            try await wait { one.cluster.report.isUsedTwice && other.cluster.report.isUsedTwice }
            #expect(rig.messages.count("error: another box says that it is box-1, too") == 2)
        }
        try await wait { !one.cluster.report.isUsedTwice }
    }

    /// A process that takes another one's place is the same box: its sign of life stays, no token is gone for a moment, and what
    /// ends is told once, by the one that has it.
    @Test func aSuccessorIsTheSameBox() async throws {
        let rig = try Rig()
        try await rig.start()
        let (one, two) = try await pair(rig)
        for number in 0..<1000 as Range<UInt32> { one.opened(number) }
        try await wait { one.cluster.report.told == 1000 }
        let next = try rig.box(rig.setting("box-1", peers: ["box-2"]), nonce: one.cluster.nonce)
        #expect(await next.cluster.awaitPeers(within: .seconds(30)))
        one.ended(999)
        one.cluster.rest(true)
        // Another one's now.
        one.opened(5000)
        one.ended(998)
        try await wait { one.cluster.report.tokens == 999 }
        next.cluster.adopted((0..<997).map { (tuple($0), Token($0)) })
        try await wait { next.cluster.report.told >= 997 }
        #expect(next.cluster.report.tokens == 997 && next.cluster.report.lost == 0)
        try await wait { try await rig.ask("get", name(998)) == "" }
        #expect(try await rig.ask("get", name(999)) == "")
        #expect(try await rig.ask("get", name(5000)) == "")
        next.ended(3)
        one.hasSuccessor.store(true, ordering: .relaxed)
        one.cluster.stop(isOver: false)
        #expect(try await rig.ask("exists", "sluice:box:box-1") == "1")
        try await wait { try await rig.ask("get", name(3)) == "" }
        for number in [0, 500, 996] as [UInt32] { #expect(try await two.ask(number) == .peer(0)) }
        #expect(two.cluster.report.peers[0].isAlive)
        #expect(!next.cluster.report.isUsedTwice && next.cluster.report.collisions == 0)
        #expect(rig.messages.count("error") == 0 && rig.messages.count("is gone") == 0)
    }

    /// The other process doesn't take over after all.
    @Test func whoHasNoSuccessorGoesOn() async throws {
        let rig = try Rig()
        try await rig.start()
        let one = try rig.box("box-1")
        try await wait { one.isConnected }
        one.opened(1)
        one.cluster.rest(true)
        one.opened(2)
        try await wait { one.cluster.report.tokens == 2 }
        #expect(try await rig.ask("get", name(2)) == "")
        one.cluster.rest(false)
        try await wait { try await rig.ask("get", name(2)) == "box-1" }
        #expect(try await rig.ask("get", name(1)) == "box-1")
    }

    /// A client that has been answered may join at once.
    @Test func tokensAreFoundBeforeTheirConnectionsAreAccepted() async throws {
        let rig = try Rig()
        try await rig.start()
        let (one, two) = try await pair(rig)
        one.announced(1)
        try await wait { one.cluster.report.told == 1 }
        #expect(try await two.ask(1) == .peer(0))
        #expect(one.cluster.report.tokens == 0)
        one.opened(1)
        try await wait { one.cluster.report.tokens == 1 }
        #expect(one.cluster.report.told == 1)
    }

    /// Garbage, another kind of value, a token of a box that isn't configured, one that another box has as well.
    @Test func whatIsInTheDirectoryIsNotBelieved() async throws {
        let rig = try Rig()
        try await rig.start()
        let (one, two) = try await pair(rig)
        for (number, value) in [(1, "box-9"), (2, "10.9.0.2"), (3, ""), (4, String(repeating: "x", count: 100_000))] {
            try await rig.ask("set", name(UInt32(number)), value)
            #expect(try await two.ask(UInt32(number)) == .nobody)
        }
        #expect(two.count(.stranger) == 4)
        // Found out by an error, which costs the connection; then it is there again.
        try await rig.ask("lpush", name(6), "box-1")
        #expect(try await two.ask(6) == .unknown)
        try await wait { two.isConnected && two.cluster.report.peers[0].isAlive }
        one.opened(8)
        try await wait { one.cluster.report.told == 1 }
        two.opened(8)
        try await wait { two.cluster.report.collisions == 1 }
        #expect(one.cluster.report.collisions == 0)
    }

    @Test func whatHasNoRoomIsCounted() async throws {
        let rig = try Rig()
        try await rig.start()
        let one = try rig.box(rig.setting("box-1"), room: 0)
        try await wait { one.isConnected }
        for number in 0..<10 as Range<UInt32> { one.opened(number) }
        #expect(one.cluster.report.lost == 10 && one.cluster.report.told == 0)
    }

    /// More than are under way at once, each of them told.
    @Test func manyTokens() async throws {
        let rig = try Rig()
        try await rig.start()
        let one = try rig.box("box-1")
        for number in 0..<50_000 as Range<UInt32> { one.opened(number) }
        try await wait("all") { one.cluster.report.told >= 50_000 }
        #expect(try await rig.ask("eval", "return #redis.call('keys', 'sluice:token:*')", "0") == "50000")
        #expect(one.cluster.report.lost == 0)
    }
}
