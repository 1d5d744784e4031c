import PacketForge
import Testing
import Wire

@testable import Tracking

@Suite struct BoundTests {
    private func client(_ number: Int) -> Endpoint {
        Endpoint(address: IPAddress(v4: 0x0a01_0000 + UInt32(number)), port: 40000)
    }

    private func secrets(_ number: Int) -> Secrets { Secrets(UInt64(number) << 8 | 1, UInt64(number) << 8 | 2) }

    private func established(_ number: Int, _ scene: Scene) -> Conversation {
        .established(secrets(number), in: scene, client: client(number))
    }

    /// What a flood can consist of, from those who hear no answer.
    enum Flood: CaseIterable {
        case syn, synAndReset, refused, plainServer, madeUpACK, madeUpData, partial
    }

    @Test(arguments: Flood.allCases)
    func aFloodTakesNoPlaceOfAnEstablishedConnection(flood: Flood) {
        let scene = Scene(.init(connections: 40))
        let conversations = (0..<30).map { established($0, scene) }
        // One waits for another subflow, one has ended.
        conversations[0].line.send(.client, .rst)
        conversations[1].dataFIN(.client)
        conversations[1].dataFIN(.server, acknowledging: 1)
        conversations[1].acknowledge(.client, 1)
        #expect(conversations[1].state == .closed)
        for number in 1000..<1200 {
            let made = Conversation(secrets(number), in: scene, client: client(number))
            if flood != .partial { made.sendSYN() }
            switch flood {
            case .syn: break
            case .synAndReset: made.line.send(.client, .rst)
            case .refused: made.line.send(.server, [.rst, .ack])
            case .plainServer: made.line.send(.server, [.syn, .ack])
            case .madeUpACK:
                made.sendSYNACK()
                made.line.next.server &+= 12345
                made.line.send(.client, .ack, [Secrets(1, 1).ackOption])
            case .madeUpData: made.data(.client)
            case .partial: made.data(.client)
            }
            #expect(scene.tracker.brokenInvariants() == [])
        }
        #expect(conversations.allSatisfy { scene.tracker[$0.id!] != nil })
        #expect(scene.tracker.counters.evictedLive == 0 && scene.tracker.counters.evictedOver == 0)
        #expect(scene.tracker.counters.evictedEmbryonic == 190 && scene.tracker.count == 40)
    }

    @Test func theMostIdleGoesFirst() {
        let scene = Scene(.init(connections: 4))
        let conversations = (0..<3).map { established($0, scene) }
        conversations[0].data(.client)
        let fourth = established(3, scene)
        #expect(scene.tracker.events.contains(.forgotten(conversations[1].id!)))
        #expect(scene.tracker[conversations[1].id!] == nil && scene.tracker[conversations[0].id!] != nil)
        #expect(scene.tracker.find(conversations[1].line.tuple) == nil)
        #expect(scene.tracker.counters.evictedLive == 1 && scene.tracker.count == 3)
        // Its token is unknown, too.
        let join = conversations[1].joinLine()
        #expect(join.send(.client, .syn, [conversations[1].secrets.joinSYN()]) == nil)
        // What is over goes before what is live, however idle that is.
        fourth.line.send(.client, .ack, [fourth.secrets.fastClose(by: .client)])
        established(4, scene).data(.client)
        #expect(scene.tracker[fourth.id!] == nil && scene.tracker[conversations[2].id!] != nil)
        #expect(scene.tracker.counters.evictedLive == 1 && scene.tracker.counters.evictedOver == 1)
    }

    @Test func theMostIdleEmbryonicOneGoesFirst() {
        let scene = Scene(.init(connections: 8))
        let conversations = (0..<2).map { Conversation(secrets($0), in: scene, client: client($0)) }
        for conversation in conversations { conversation.sendSYN() }
        conversations[0].sendSYNACK()
        Conversation(secrets(2), in: scene, client: client(2)).sendSYN()
        #expect(scene.tracker[conversations[0].id!] != nil && scene.tracker[conversations[1].id!] == nil)
        #expect(scene.tracker.counters.evictedEmbryonic == 1)
    }

    @Test func eachKindHasItsTime() {
        let scene = Scene(.init(embryonicTime: 100, liveTime: 10_000, overTime: 1000))
        let embryonic = Conversation(secrets(0), in: scene, client: client(0))
        embryonic.sendSYN()
        let over = established(1, scene)
        over.line.send(.client, .ack, [over.secrets.fastClose(by: .client)])
        let live = established(2, scene)
        func look(after time: UInt64) -> [Bool] {
            scene.now = 1_000_000_000 + time
            scene.see(PacketDraft(flags: .rst))
            return [embryonic, over, live].map { scene.tracker[$0.id!] != nil }
        }
        #expect(look(after: 100) == [true, true, true])
        #expect(look(after: 101) == [false, true, true])
        #expect(look(after: 1000) == [false, true, true])
        #expect(look(after: 1001) == [false, false, true])
        live.data(.client)
        #expect(look(after: 11_001) == [false, false, true])
        #expect(look(after: 11_002) == [false, false, false])
        #expect(scene.tracker.counters.expired == 3 && scene.tracker.count == 0)
        #expect(scene.tracker.brokenInvariants() == [])
    }

    /// However many are due at once, a segment doesn't wait for all of them.
    @Test func aSegmentForgetsAFew() {
        let scene = Scene(.init(embryonicTime: 100))
        for number in 0..<50 { Conversation(secrets(number), in: scene, client: client(number)).sendSYN() }
        scene.now += 101
        scene.see(PacketDraft(flags: .rst))
        #expect((30..<50).contains(scene.tracker.count))
        for _ in 0..<25 { scene.see(PacketDraft(flags: .rst)) }
        #expect(scene.tracker.count == 0 && scene.tracker.counters.expired == 50)
    }

    /// When no segment comes, time alone forgets; the memory of many is given back, and their ids lead to nothing that
    /// comes after them.
    @Test func whatIsOverGoesWithoutSegments() {
        let scene = Scene(.init(embryonicTime: 100))
        let old = (0..<2000).map { number in
            let conversation = Conversation(secrets(number), in: scene, client: client(number))
            conversation.sendSYN()
            return conversation.id!
        }
        scene.tracker.shrink()
        #expect(old.allSatisfy { scene.tracker[$0] != nil })
        scene.now += 100
        let isDone = scene.tracker.expire(at: scene.now)
        #expect(isDone && scene.tracker.count == 2000)
        scene.now += 1
        var calls = 1
        while !scene.tracker.expire(at: scene.now) { calls += 1 }
        #expect(scene.tracker.count == 0 && calls > 100, "a few at a time")
        scene.tracker.shrink()
        #expect(scene.tracker.connections.slots.isEmpty && scene.tracker.flows.capacity < 1024)
        let new = established(1, scene)
        new.data(.client)
        #expect(scene.tracker[new.id!] != nil && old.allSatisfy { scene.tracker[$0] == nil })
        #expect(scene.tracker.brokenInvariants() == [])
    }

    /// Its last segments were not seen, but whoever feeds the tracker knows that it has ended.
    @Test func whatIsReleasedGoesSoon() {
        let scene = Scene(.init(liveTime: 10_000, overTime: 1000))
        let (gone, kept) = (established(0, scene), established(1, scene))
        let tuple = gone.connection.tuple
        scene.tracker.release(tuple, at: scene.now)
        scene.tracker.release(FourTuple(client: tuple.server, server: tuple.server), at: scene.now)
        #expect(scene.tracker.count == 2 && scene.tracker.brokenInvariants() == [])
        // A late segment of its own changes nothing about that.
        gone.data(.client)
        scene.now += 1001
        while !scene.tracker.expire(at: scene.now) {}
        #expect(scene.tracker.count == 1 && scene.tracker[kept.id!] != nil)
        #expect(scene.tracker.brokenInvariants() == [])
    }

    /// A SYN that hasn't come to the box goes on: the connection that it opens is another, which is forwarded.
    @Test func whatIsWithdrawnWasNeverThere() {
        let scene = Scene()
        let (running, opening) = (established(0, scene), Conversation(Secrets(), in: scene))
        let syn = opening.line.draft(.client, .syn, [opening.secrets.synOption])
        let first = scene.see(syn)
        scene.tracker.withdraw(opening.line.tuple, at: scene.now)
        #expect(scene.tracker.events == [.forgotten(first!.connection)])
        let second = scene.see(syn, isForwarded: true)
        #expect(second?.connection != first?.connection)
        #expect(scene.tracker[second!.connection]?.isForwarded == true)
        // What has been answered is there, whatever somebody thinks.
        scene.tracker.withdraw(running.line.tuple, at: scene.now)
        #expect(scene.tracker.events == [] && scene.tracker[running.id!] != nil)
        #expect(scene.tracker.brokenInvariants() == [])
    }

    /// A join that hasn't arrived leaves its connection as it was.
    @Test func aJoinThatIsWithdrawnLeavesItsConnection() {
        let conversation = Conversation.established()
        let line = conversation.joinLine()
        line.send(.client, .syn, [conversation.secrets.joinSYN()])
        conversation.scene.tracker.withdraw(line.tuple, at: conversation.scene.now)
        #expect(conversation.events == [.subflowClosed(conversation.id!, subflow: 1, .joinRefused)])
        #expect(conversation.connection.subflows.map(\.number) == [0])
        #expect(!conversation.connection.isReleased && conversation.state == .established)
        #expect(conversation.tracker.find(line.tuple) == nil)
        conversation.join()
        #expect(conversation.connection.subflows.map(\.number) == [0, 2])
        #expect(conversation.tracker.brokenInvariants() == [])
    }

    /// What is left of many connections is not moved.
    @Test func whatIsLeftStays() {
        let scene = Scene(.init(embryonicTime: 100))
        let kept = established(0, scene)
        for number in 1..<2000 { Conversation(secrets(number), in: scene, client: client(number)).sendSYN() }
        scene.now += 101
        kept.data(.client)
        while !scene.tracker.expire(at: scene.now) {}
        scene.tracker.shrink()
        kept.data(.client)
        #expect(scene.tracker.count == 1 && scene.tracker[kept.id!] != nil)
        #expect(scene.tracker.flows.capacity < 1024)
        #expect(scene.tracker.brokenInvariants() == [])
    }

    /// Whoever makes up SYNs of version 0 chooses their keys, and so their tokens.
    @Test func aTokenIsOfAFewConnections() {
        let scene = Scene()
        let shared = Secrets(1, 2, version: 0)
        let first = Conversation.established(shared, in: scene, client: client(0))
        for number in 1..<100 { Conversation(shared, in: scene, client: client(number)).sendSYN() }
        #expect(scene.tracker.count == 100)
        #expect(scene.tracker.tokens.owners(of: shared.token(.client)).count == TokenTable.mostOwners)
        // It still leads to the one that was first.
        first.join(by: .server, client: Endpoint(address: client(0).address, port: 50000))
        #expect(first.connection.subflows.map(\.state) == [.established, .established])
    }

    @Test(arguments: [0, UInt64.max])
    func timeThatGoesBackwardsOrToItsEnd(time: UInt64) {
        let scene = Scene()
        let conversation = established(0, scene)
        scene.now = time
        established(1, scene).data(.client)
        conversation.data(.client)
        scene.now = .max
        scene.see(PacketDraft(flags: .rst))
        scene.now = 0
        scene.see(PacketDraft(flags: .rst))
        #expect(scene.tracker.brokenInvariants() == [])
    }

    @Test func limitsHaveALeast() {
        let limits = Tracker.Limits(connections: -3, subflows: 0)
        #expect(limits.connections == 4 && limits.subflows == 1)
        var none = limits
        none.connections = 0
        let scene = Scene(none)
        for number in 0..<9 { established(number, scene).data(.client) }
        #expect(scene.tracker.count <= 1)
    }

    @Test func namesOfForgottenConnectionsAreNotUsedAgain() {
        let scene = Scene(.init(embryonicTime: 10))
        let first = Conversation(in: scene)
        first.sendSYN()
        scene.now += 11
        let second = Conversation(in: scene)
        second.sendSYN()
        #expect(scene.tracker.events.first == .forgotten(first.id!))
        #expect(first.id != second.id && scene.tracker[first.id!] == nil && scene.tracker[second.id!] != nil)
    }

    @Test func chunksHaveEachConnectionOnce() {
        let scene = Scene()
        let conversations = (0..<10).map { established($0, scene) }
        scene.now += 1
        conversations[3].line.send(.client, .rst)
        var seen: [FourTuple] = []
        var place: Int? = 0
        while let start = place {
            let (connections, next) = scene.tracker.chunk(from: start, limit: 3)
            #expect(connections.count <= 3)
            seen += connections.map(\.tuple)
            place = next
        }
        #expect(seen == conversations.map(\.line.tuple))
    }

    @Test func freePlacesBelongToAChunk() {
        let scene = Scene(.init(embryonicTime: 100))
        for number in 0..<5 { Conversation(secrets(number), in: scene, client: client(number)).sendSYN() }
        scene.now += 101
        scene.see(PacketDraft(flags: .rst))
        let (connections, next) = scene.tracker.chunk(from: 0, limit: 3)
        #expect(connections.isEmpty && next == 3)
        #expect(scene.tracker.chunk(from: 3, limit: .max).next == nil)
    }

    @Test func malformedOptionsLoseNothing() {
        let conversation = Conversation.established()
        let options: [[UInt8]] = [
            [30, 2, 0, 0], [30, 3, 0xff], [30, 200, 0x20, 1], [30, 7, 0x20, 0x1f, 0, 0, 0], [5, 0], [30],
            [30, 8, 0x20, 1, 0, 0, 0, 1, 30, 5, 0x30, 0, 0],
        ]
        for option in options {
            var draft = conversation.line.lose(.client, .ack, payload: 10)
            draft.options = option
            #expect(conversation.scene.see(draft)?.connection == conversation.id)
        }
        #expect(conversation.state == .established && conversation.first.streams.client.bytes == 70)
        #expect(conversation.connection.anomalies.all == [.malformedOption])
    }
}
