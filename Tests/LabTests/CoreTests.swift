import Testing
import Wire

@testable import Lab

/// Routers with many processors, simulated: what must be so whatever the figures are.
struct CoreTests {
    private static let cost = SharedCosts.Cost(alone: 300, contended: 400)
    private static let costs = SharedCosts(
        syn: cost, synACK: cost, thirdACK: cost, data: cost, fin: cost, server: cost, listener: cost, counters: cost)

    /// jhash_3words of the kernel's include/linux/jhash.h, compiled.
    @Test(
        arguments: [
            ([0, 0, 0, 0], 0x1b68_e557), ([0x0a01_0002, 0x0a09_0002, 6, 7], 0x6974_3a6d),
            ([0xffff_ffff, 0x8000_0000, 6, 0xdead_beef], 0x5c77_3d7f),
        ] as [(words: [UInt32], hash: UInt32)])
    func hashIsTheKernels(_ row: (words: [UInt32], hash: UInt32)) {
        #expect(QueueSelection.jenkins(row.words[0], row.words[1], row.words[2], row.words[3]) == row.hash)
    }

    @Test func balanceGoesByAddressesAlone() {
        let tuples = (1...50).map { tuple("10.1.0.2", UInt16($0)) }
        #expect(Set(tuples.map { QueueSelection.balance.queue(of: $0, queues: 16, secret: 7) }).count == 1)
        #expect(Set(tuples.map { QueueSelection.port.queue(of: $0, queues: 16, secret: 7) }).count == 16)
    }

    @Test func bothDirectionsShareAQueue() {
        for number in 1...200 as ClosedRange<UInt8> {
            let there = tuple("10.1.0.\(number)", 4000)
            let back = FourTuple(client: there.server, server: there.client)
            #expect(
                QueueSelection.balance.queue(of: there, queues: 16, secret: 7)
                    == QueueSelection.balance.queue(of: back, queues: 16, secret: 7))
        }
    }

    @Test(arguments: [(1, 1.0...1.0), (100, 0.09...0.17), (10_000, 0.0625...0.075)])
    func spreadOfPairs(_ pairs: Int, _ expected: ClosedRange<Double>) {
        let spread = QueueSpread(.balance, queues: 16, pairs: pairs, connections: 2)
        #expect(expected ~= spread.busiest)
        #expect(pairs == 1 || 0.85...1 ~= spread.parted)
    }

    @Test func sameSeedSameOutcome() {
        let works = CoreLoad.short.works(Self.costs)
        let outcomes = [3, 3, 4].map { seed in
            CoreSimulation.run(CoreLayout(cores: 4), works, connections: 200, seed: seed)
        }
        #expect(outcomes[0] == outcomes[1])
        #expect(outcomes[0] != outcomes[2])
    }

    /// One processor never waits, and does what its works take.
    @Test func oneCoreIsTheSumOfItsWorks() {
        let works = [CoreWork(.queue, 700, [LockHold(.tracker, alone: 300, contended: 5000)])]
        let outcome = CoreSimulation.run(CoreLayout(cores: 1), works, connections: 20_000)
        #expect(980_000...1_020_000 ~= outcome.perSecond)
        #expect(outcome.waiting[.tracker] == 0)
        #expect(0.29...0.31 ~= outcome.held[.tracker]!)
        #expect(outcome.busy == [1])
    }

    /// However many there are, they do what the lock lets through.
    @Test func aLockIsTheLimit() {
        let works = [CoreWork(.worker, 900, [LockHold(.tracker, alone: 100, contended: 200)])]
        let outcome = CoreSimulation.run(CoreLayout(cores: 32), works, connections: 20_000)
        #expect(4_900_000...5_400_000 ~= outcome.perSecond)
        #expect(outcome.limit == SharedLock.tracker.rawValue)
        #expect(outcome.waiting[.tracker]! > 0.6)
    }

    @Test func withoutLocksAllCoresWork() {
        let works = [CoreWork(.worker, 1000)]
        let outcome = CoreSimulation.run(CoreLayout(cores: 8), works, connections: 20_000)
        #expect(7_500_000...8_100_000 ~= outcome.perSecond)
        #expect(outcome.limit == nil)
    }

    @Test func oneQueueForSYNsIsALimit() {
        let works = [CoreWork(.desk, 500), CoreWork(.worker, 1000)]
        let outcome = CoreSimulation.run(CoreLayout(cores: 16, selection: .balance), works, connections: 20_000)
        #expect(outcome.limit == "the busiest thread")
        // It has a sixteenth of the workers' share besides.
        #expect(1_600_000...1_900_000 ~= outcome.perSecond)
    }

    @Test func onePairKeepsAllQueuesBusy() {
        let outcome = CoreSimulation.run(
            CoreLayout(cores: 16, pairs: 1), [CoreWork(.desk, 500), CoreWork(.queue, 1000)], connections: 20_000)
        #expect(9_500_000...10_800_000 ~= outcome.perSecond)
    }

    @Test func byAddressesOnePairKeepsOneQueueBusy() {
        let layout = CoreLayout(cores: 16, selection: .balance, pairs: 1)
        let outcome = CoreSimulation.run(layout, [CoreWork(.queue, 1000)], connections: 5000)
        #expect(980_000...1_020_000 ~= outcome.perSecond)
        #expect(outcome.busy.filter { $0 > 0 }.count == 1)
    }

    private func tuple(_ client: String, _ port: UInt16) -> FourTuple {
        FourTuple(
            client: Endpoint(address: IPAddress(client)!, port: port), server: Endpoint("10.9.0.2:443")!)
    }
}
