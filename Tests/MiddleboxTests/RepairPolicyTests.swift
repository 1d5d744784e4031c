import Firewall
import LinuxSystem
import Testing

@testable import Middlebox

/// When damage is mended, and when the daemon steps aside.
struct RepairPolicyTests {
    static let mangle = Damage(.table(.ipv4, "mangle"), "3 rules of Sluice's were gone")
    static let order = Damage(.table(.ipv4, "mangle"), "the order", isOrderOnly: true)
    static let rules = Damage(.routingRules(.ipv4), "gone")

    static func at(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000_000_000_000 + milliseconds * 1_000_000)
    }

    /// Repairs whatever is to be repaired.
    static func look(_ policy: inout RepairPolicy, _ found: [Damage], at time: UInt64) -> RepairPolicy.Plan {
        let plan = policy.plan(found, at: at(time))
        policy.tried(plan.repairs, at: at(time))
        return plan
    }

    @Test func whatIsWholeIsLeftAlone() {
        var policy = RepairPolicy()
        #expect(Self.look(&policy, [], at: 0) == .init())
    }

    @Test func damageIsMendedAtOnceAndAgainWhenItHasHeld() {
        var policy = RepairPolicy()
        for time in [0, 2100, 4300, 9000] as [UInt64] {
            #expect(Self.look(&policy, [Self.mangle], at: time).repairs == [Self.mangle])
            #expect(Self.look(&policy, [], at: time + 2050) == .init())
        }
        #expect(!policy.isDegraded)
    }

    /// What doesn't hold is mended three times, with pauses; then the daemon steps aside.
    @Test func threeTimesInARow() {
        var policy = RepairPolicy()
        #expect(Self.look(&policy, [Self.mangle], at: 0).repairs == [Self.mangle])
        #expect(Self.look(&policy, [Self.mangle], at: 10) == .init(nextLook: Self.at(250)))
        #expect(Self.look(&policy, [Self.mangle], at: 250).repairs == [Self.mangle])
        #expect(Self.look(&policy, [Self.mangle], at: 260) == .init(nextLook: Self.at(1750)))
        #expect(Self.look(&policy, [Self.mangle], at: 1750).repairs == [Self.mangle])
        #expect(!policy.isDegraded)
        #expect(Self.look(&policy, [Self.mangle], at: 1760) == .init(turn: .degraded, nextLook: Self.at(11_750)))
        #expect(policy.stuck == [Self.mangle])
        #expect(Self.look(&policy, [Self.mangle], at: 5000).turn == nil, "said once")
        // Other damage meanwhile is mended as ever.
        let plan = Self.look(&policy, [Self.mangle, Self.rules], at: 6000)
        #expect(plan.repairs == [Self.rules] && policy.stuck == [Self.mangle])
        // Tried again every ten seconds.
        #expect(Self.look(&policy, [Self.mangle], at: 11_750).repairs == [Self.mangle])
        #expect(Self.look(&policy, [Self.mangle], at: 11_760).repairs == [])
        #expect(Self.look(&policy, [Self.mangle], at: 21_750).repairs == [Self.mangle])
        // Whole again, once it has held.
        #expect(Self.look(&policy, [], at: 21_760) == .init(nextLook: Self.at(23_750)))
        #expect(policy.isDegraded)
        #expect(Self.look(&policy, [], at: 23_750).turn == .whole)
        #expect(!policy.isDegraded)
    }

    /// One part's luck is not another's.
    @Test func eachPartCountsForItself() {
        var policy = RepairPolicy()
        for time in [0, 300] as [UInt64] { _ = Self.look(&policy, [Self.mangle], at: time) }
        let plan = Self.look(&policy, [Self.mangle, Self.rules], at: 400)
        #expect(plan.repairs == [Self.rules])
        #expect(Self.look(&policy, [Self.rules], at: 700).repairs == [Self.rules])
        #expect(!policy.isDegraded)
    }

    /// Another program that wants to be first gets its way for a while: most works all the same.
    @Test func anOrderThatOthersInsistOnIsLeftToThem() {
        var policy = RepairPolicy()
        for time in [0, 250, 1750, 6750, 21_750, 51_750] as [UInt64] {
            #expect(Self.look(&policy, [Self.order], at: time).repairs == [Self.order])
        }
        #expect(Self.look(&policy, [Self.order], at: 51_760) == .init(left: [Self.order]))
        #expect(Self.look(&policy, [Self.order], at: 300_000) == .init())
        #expect(Self.look(&policy, [Self.mangle], at: 300_000).repairs == [Self.mangle], "what is gone isn't")
        #expect(Self.look(&policy, [Self.order], at: 651_770).repairs == [Self.order])
        #expect(!policy.isDegraded)
    }

    @Test(
        arguments: [
            ([Damage(.device, "")], true, [.ipv4, .ipv6]), ([Damage(.deviceDown, "")], true, [.ipv4, .ipv6]),
            ([Damage(.routes(.ipv6), "")], true, [.ipv6]), ([rules], true, [.ipv4]), ([mangle], true, []),
            ([mangle], false, [.ipv4]), ([], false, []), ([Damage(.table(.ipv4, "filter"), "")], false, []),
            ([Damage(.sysctl("net.ipv4.tcp_early_demux"), "")], false, []),
        ] as [([Damage], Bool, Set<AddressFamily>)])
    func whoHangsIsReset(_ found: [Damage], _ isGuarded: Bool, _ families: Set<AddressFamily>) {
        #expect(RepairPolicy.cutOff(by: found, isGuarded: isGuarded) == families)
    }
}

struct OrderQueueTests {
    /// What one order looks at is still so when it acts upon it.
    @Test func ordersPassOneAtATime() async {
        let queue = OrderQueue()
        let sum = Sum()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    await queue.run {
                        let before = await sum.value
                        await Task.yield()
                        await sum.set(before + 1)
                    }
                }
            }
        }
        #expect(await sum.value == 200)
    }

    private actor Sum {
        private(set) var value = 0

        func set(_ new: Int) { value = new }
    }
}
