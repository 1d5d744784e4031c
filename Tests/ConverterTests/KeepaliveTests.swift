import Glibc
import LinuxSystem
import Synchronization
import SystemPackage
import Testing
import Wire

@testable import Converter

/// What is decided about keepalive: from values.
@Suite struct KeepaliveDecisionTests {
    @Test(
        "the box's own pace outlives an outage of two hours, as far as the kernel lets it",
        arguments: [
            (.seconds(7200), 7200, 75, 96), (.seconds(120), 120, 75, 96), (.seconds(60), 60, 60, 120),
            (.seconds(5), 5, 5, 127), (.milliseconds(300), 1, 1, 127), (.seconds(90000), 32767, 75, 96),
        ] as [(Duration, Int32, Int32, Int32)])
    func ownPace(_ idle: Duration, _ seconds: Int32, _ interval: Int32, _ count: Int32) {
        let pace = KeepalivePace(idle)
        #expect(pace.idle == seconds && pace.interval == interval && pace.count == count)
    }

    @Test(
        "a side is probed sooner than its peer probes",
        arguments: [
            (.seconds(10), 7, 5), (.milliseconds(10_900), 7, 5), (.seconds(7200), 5400, 3600), (.seconds(1), 1, 1),
            (.milliseconds(500), 1, 1), (.seconds(3), 2, 1),
        ] as [(Duration, Int32, Int32)])
    func followedPace(_ interval: Duration, _ idle: Int32, _ again: Int32) {
        let pace = KeepalivePace(following: interval)
        #expect(pace.idle == idle && pace.interval == again && pace.count == 127)
    }

    /// A connection on which bytes moved last at 100 s, looked at every five seconds from 105 s on.
    private func looks(
        _ count: Int, ownIdle: Int32?, cameUntil: (_ second: Int) -> Int
    ) -> [Duration?] {
        var watch = ProbeWatch()
        let moved = MonotonicTime(nanoseconds: 100_000_000_000)
        return (0..<count).map { look in
            let second = 5 + look * 5
            return watch.look(
                segments: UInt32(40 + cameUntil(second)), moved: moved, ownIdle: ownIdle, at: moved + .seconds(second))
        }
    }

    @Test("an idle connection on which nothing comes has no probes")
    func nothing() { #expect(looks(100, ownIdle: nil) { _ in 0 }.allSatisfy { $0 == nil }) }

    @Test("answers to the box's own probes are none of its peer's", arguments: [5, 7, 30, 120] as [Int32])
    func answers(_ idle: Int32) {
        #expect(looks(300, ownIdle: idle) { $0 / Int(idle) }.allSatisfy { $0 == nil })
    }

    @Test("a peer's probes are noticed, at the interval of theirs or a little more", arguments: [2, 5, 10, 25, 30, 75])
    func peers(_ interval: Int) {
        for ownIdle in [nil, 120] as [Int32?] {
            let noticed = looks(100, ownIdle: ownIdle) { second in
                second / interval + (ownIdle.map { second / Int($0) } ?? 0)
            }.compactMap { $0 }
            #expect(noticed.count > 5, "\(interval), \(String(describing: ownIdle))")
            #expect(noticed.allSatisfy { $0 >= .seconds(interval) - .seconds(5) }, "\(noticed)")
            #expect(noticed.contains { $0 <= .seconds(interval) + .seconds(5) }, "\(noticed)")
        }
    }

    @Test("what came while bytes moved is no probe")
    func traffic() {
        var watch = ProbeWatch()
        for round in 1...20 {
            let moved = MonotonicTime(nanoseconds: UInt64(round) * 10_000_000_000)
            let looked = watch.look(segments: UInt32(round * 50), moved: moved, ownIdle: nil, at: moved + .seconds(5))
            #expect(looked == nil)
        }
    }

    /// Looked at each second; bytes moved last at 100 s.
    private func looksAtClient(
        _ count: Int, subflows: Int = 1, since: (_ second: Int) -> Duration, cameUntil: (_ second: Int) -> Int
    ) -> [Duration?] {
        var watch = ProbeWatch()
        let moved = MonotonicTime(nanoseconds: 100_000_000_000)
        return (1...count).map { second in
            watch.look(
                segments: UInt32(40 + cameUntil(second)), subflows: subflows, moved: moved, ownIdle: nil,
                sinceAcknowledgement: since(second), at: moved + .seconds(second))
        }
    }

    @Test("what the kernel takes as an acknowledgement is no probe: a window that opens, say")
    func acknowledgements() {
        let looks = looksAtClient(60, since: { .milliseconds($0 % 10 * 1000 + 300) }) { $0 / 10 }
        #expect(looks.allSatisfy { $0 == nil })
    }

    @Test("a client's probes are noticed within a second", arguments: 1...3)
    func clients(_ subflows: Int) {
        let looks = looksAtClient(60, subflows: subflows, since: { .seconds($0) }) { $0 / 10 * subflows }
        for (second, interval) in zip(1..., looks) {
            #expect(interval == (second % 10 == 0 ? .seconds(10) : nil), "\(second)")
        }
    }

    @Test("a count that goes back is no probe")
    func subflowsThatGo() {
        #expect(looksAtClient(20, since: { .seconds($0) }) { 20 - $0 }.allSatisfy { $0 == nil })
    }

    @Test("a side is silent after two looks without an answer, and until it gives one")
    func responsiveness() {
        var side = Responsiveness()
        let looks = [false, true, false, true, true, true, false, true].map { side.look(hasUnansweredProbes: $0) }
        #expect(looks == [false, false, false, false, true, true, false, false])
    }
}

/// What is done about it, between real sockets. They take their seconds, on any machine the same.
@Suite(.timeLimit(.minutes(2))) struct KeepaliveTests {
    @Test("a server that probes learns that its client is dead")
    func deadClient() throws {
        let rig = try RelayRig(.init(clients: .tcp))
        try RelayRig.send("x", on: rig.client())
        #expect(try RelayRig.receive(1, on: rig.server()) == "x")
        // It acknowledges nothing any more, as if its host were gone.
        let isDeaf = rig.ends().client.setDeafToProbes(true)
        #expect(isDeaf)
        // Its kernel probes after a second of silence, and gives up after three without an answer.
        try rig.ends().server.setKeepalive(idle: 1, interval: 1, count: 3)
        RelayRig.limitReads(rig.server(), seconds: 60)
        #expect(RelayRig.failure(on: rig.server()) == .timedOut)
        // And its reset is passed on.
        #expect(RelayRig.failure(on: rig.client()) == .connectionReset)
    }

    @Test("a client that is silent for a while is heard again, and so is its server")
    func clientComesBack() async throws {
        let rig = try RelayRig(.init(clients: .tcp))
        try RelayRig.send("x", on: rig.client())
        #expect(try RelayRig.receive(1, on: rig.server()) == "x")
        let isDeaf = rig.ends().client.setDeafToProbes(true)
        #expect(isDeaf)
        // So many that it doesn't give up.
        try rig.ends().server.setKeepalive(idle: 1, interval: 1, count: 100)
        try await eventually { rig.ends().server.probes?.unanswered ?? 0 >= 2 }
        _ = rig.ends().client.setDeafToProbes(false)
        try await eventually { rig.ends().server.probes?.unanswered == 0 }
        // It speaks while the box is deaf to the server, or is not.
        for word in ["one", "two"] {
            try RelayRig.send(word, on: rig.client())
            #expect(try RelayRig.receive(3, on: rig.server()) == word)
            try RelayRig.send(word, on: rig.server())
            #expect(try RelayRig.receive(3, on: rig.client()) == word)
        }
    }

    @Test(
        "while a server is silent, its client's probes are not answered",
        arguments: [.mptcp, .tcp] as [StreamSocket.TransportProtocol])
    func silentServer(_ transport: StreamSocket.TransportProtocol) async throws {
        let rig = try RelayRig(.init(clients: transport))
        try RelayRig.send("x", on: rig.client())
        #expect(try RelayRig.receive(1, on: rig.server()) == "x")
        // So many that it doesn't give up.
        try rig.ends().client.setKeepalive(idle: 1, interval: 1, count: 100)
        // It answers: nothing is silenced.
        try await eventually { (rig.ends().server.probes?.segmentsReceived ?? 0) >= 6 }
        #expect(rig.silences.all == [])
        let isDeaf = rig.ends().server.setDeafToProbes(true)
        #expect(isDeaf)
        try await eventually { rig.silences.all == [true] }
        _ = rig.ends().server.setDeafToProbes(false)
        try await eventually { rig.silences.all == [true, false] }
        try RelayRig.send("y", on: rig.server())
        #expect(try RelayRig.receive(1, on: rig.client()) == "y")
    }

    @Test(
        "a server's socket gets its pace at once if that is short, and else when it is idle",
        arguments: [(120, true), (5, false)] as [(Int32, Bool)])
    func ownPaceIsSet(_ idle: Int32, isDeferred: Bool) async throws {
        let rig = try RelayRig(.init(clients: .tcp, serverKeepalive: .seconds(Int64(idle))))
        #expect(isProbed(rig.nearServer(), after: idle) == !isDeferred)
        try RelayRig.send("x", on: rig.client())
        #expect(try RelayRig.receive(1, on: rig.server()) == "x")
        try await eventually { isProbed(rig.nearServer(), after: idle) }
    }

    private func isProbed(_ descriptor: Int32, after idle: Int32) -> Bool {
        option(SOL_SOCKET, SO_KEEPALIVE, of: descriptor) == 1
            && option(Int32(IPPROTO_TCP), TCP_KEEPIDLE, of: descriptor) == idle
    }

    private func option(_ level: Int32, _ name: Int32, of descriptor: Int32) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, level, name, &value, &length) == 0 ? value : nil
    }

    /// At most a minute, on however slow a machine.
    private func eventually(_ condition: () -> Bool) async throws {
        for _ in 0..<600 {
            if condition() { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("waited for a minute")
    }
}
