import Converter
import Firewall
import Inspector
import LinuxSystem
import Logging
import Synchronization

/// Looks at what the daemon has put into the kernel, when news come and every second, and puts back what other hands have
/// removed or changed. What to do about it is `RepairPolicy`'s to decide.
final class Healer: Sendable {
    /// What is told of it.
    struct Report: Sendable {
        /// Parts that were put back, by kind.
        var repairs: [Damage.Kind: UInt64] = [:]
        /// Why the daemon has stepped aside; empty when it hasn't.
        var reasons: [String] = []
    }

    /// What the repairs are carried out by.
    struct Hands: Sendable {
        let rules: InstalledRules
        let orders: OrderQueue
        /// The name of the TUN device, and a new one for the packet path.
        let device: String
        let replaceDevice: @Sendable (TunDevice) -> Void
        /// New connections pass, or are converted again.
        let stepAside: @Sendable (Bool) -> Void
        /// Resets the running connections of these families.
        let reset: @Sendable (Set<AddressFamily>) -> Void
        /// Has connections pass for which the router's rules ask something of connection tracking.
        let heed: @Sendable (TrackingRules) -> Void
    }

    /// Are running connections' packets kept here while rules are away (StrayGuard)?
    let guarded: Bool
    private let log: Logger
    private let report = Mutex(Report())
    private let news = Mutex<Set<KernelNews>>([])
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    init(guarded: Bool, log: Logger) {
        self.guarded = guarded
        self.log = log
        (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    var current: Report { report.withLock(\.self) }

    /// Something may have changed.
    func tell(_ some: Set<KernelNews>) {
        news.withLock { $0.formUnion(some) }
        waker.yield()
    }

    /// The router's rules may ask something else of connection tracking.
    func askForTracking() { tell([.rules(.ipv4, "raw")]) }

    /// Looks and repairs until the task is cancelled.
    func run(_ hands: Hands) async {
        var run = Run(hands: hands, guarded: guarded, log: log)
        for await _ in wakes {
            if Task.isCancelled { return }
            let some = news.withLock { waiting in
                let taken = waiting
                waiting = []
                return taken
            }
            let next = await hands.orders.run { await run.look(some, report) }
            if let next { wake(at: next) }
            // A flush tells of each rule, and a script changes many things in a row.
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    private func wake(at time: MonotonicTime) {
        let pause = Duration.nanoseconds(Int64(clamping: time.nanoseconds(since: .now)))
        Task {
            try? await Task.sleep(for: pause)
            tell([.unknown])
        }
    }
}

/// The state of a run.
private struct Run {
    let hands: Healer.Hands
    let guarded: Bool
    let log: Logger
    var policy = RepairPolicy()
    private var failure: String?
    private var repairLog = RateLimit(every: .seconds(1))
    private var reset: Set<AddressFamily> = []
    private var ticksUntilTables = 0
    private var asksForTracking = false
    private var nextAsking = MonotonicTime.now
    private var tracking: TrackingRules?

    init(hands: Healer.Hands, guarded: Bool, log: Logger) {
        self.hands = hands
        self.guarded = guarded
        self.log = log
    }

    /// Looks once, and does what there is to do. Returns when to look again, if nothing comes before.
    mutating func look(_ news: Set<KernelNews>, _ report: borrowing Mutex<Healer.Report>) async -> MonotonicTime? {
        // iptables-nft tells of its changes, and the watch looks at iptables-legacy: for the tables a second is more often
        // than need be.
        let isMereTick = news == [.tick]
        if isMereTick, !policy.isDegraded, ticksUntilTables > 0 {
            ticksUntilTables -= 1
        } else {
            ticksUntilTables = 10
        }
        if news.contains(.routing) || news.contains(.tick) { await followInterfaces() }
        let found = await hands.rules.damages(withTables: ticksUntilTables == 10)
        let plan = policy.plan(found, at: .now)
        for damage in plan.left {
            log.warning(
                "\(damage), again and again: another program wants it so, and has its way for ten minutes")
        }
        if !plan.repairs.isEmpty { await repair(plan.repairs, report) }
        turn(plan.turn)
        if policy.isDegraded {
            let cutOff = RepairPolicy.cutOff(by: policy.stuck, isGuarded: guarded).subtracting(reset)
            if !cutOff.isEmpty { resetConnections(cutOff) }
        } else {
            reset = []
        }
        let reasons = policy.stuck.map(\.description) + (policy.isDegraded ? [failure].compactMap(\.self) : [])
        report.withLock { $0.reasons = reasons }
        await askForTracking(news)
        return plan.nextLook
    }

    private mutating func repair(_ damages: [Damage], _ report: borrowing Mutex<Healer.Report>) async {
        failure = nil
        var others = damages
        do {
            for damage in damages {
                switch damage.part {
                case .device: hands.replaceDevice(try TunDevice(hands.device))
                case .deviceDown: try NetworkInterface.bringUp(hands.device)
                default: break
                }
            }
        } catch {
            failure = "\(error)"
            // Without the device there can be no route over it; all else is put back.
            others.removeAll { $0.kind == .device || $0.kind == .routes }
        }
        do {
            try await hands.rules.repair(others)
        } catch {
            failure = failure ?? "\(error)"
        }
        policy.tried(damages, at: .now)
        let left = Set(await hands.rules.damages(withTables: true).map(\.part))
        let mended = damages.filter { !left.contains($0.part) }
        report.withLock { report in for damage in mended { report.repairs[damage.kind, default: 0] += 1 } }
        tellOf(mended, failed: damages.filter { left.contains($0.part) })
    }

    private mutating func followInterfaces() async {
        do {
            try await hands.rules.followInterfaces()
        } catch {
            // What isn't in place now is found damaged.
            failure = "\(error)"
        }
    }

    private mutating func tellOf(_ mended: [Damage], failed: [Damage]) {
        let text = { (damages: [Damage]) in damages.map(\.description).joined(separator: "; ") }
        guard let suppressed = repairLog.pass(.now) else { return }
        let more = suppressed > 0 ? " (\(suppressed) more repairs not logged)" : ""
        if !mended.isEmpty { log.warning("\(text(mended)); put back\(more)") }
        if !failed.isEmpty {
            log.error("\(text(failed)); could not be put back\(failure.map { ": \($0)" } ?? "")\(more)")
        }
    }

    private mutating func turn(_ turn: RepairPolicy.Turn?) {
        switch turn {
        case .degraded:
            log.error(
                """
                stepping aside, new connections pass: \(policy.stuck.map(\.description).joined(separator: "; ")), and it could not be put \
                back three times in a row\(failure.map { ": \($0)" } ?? ""); tried again every ten seconds
                """)
            hands.stepAside(true)
        case .whole:
            log.notice("all is in place again; new connections are converted")
            hands.stepAside(false)
        case nil: break
        }
    }

    private mutating func resetConnections(_ families: Set<AddressFamily>) {
        reset.formUnion(families)
        let names = families.map { $0 == .ipv4 ? "IPv4" : "IPv6" }.sorted().joined(separator: " and ")
        log.error("the running \(names) connections get no packets any more, and are reset")
        hands.reset(families)
    }

    /// Looks, from time to time and at most for a twentieth of the time, whether the router's rules ask something else of
    /// connection tracking.
    private mutating func askForTracking(_ news: Set<KernelNews>) async {
        let concerns = news.contains { news in
            switch news {
            case .rules(_, let table): table == "raw" || table == "mangle"
            case .unknown: true
            case .routing, .tick: false
            }
        }
        asksForTracking = asksForTracking || concerns || tracking == nil
        let now = MonotonicTime.now
        guard asksForTracking, nextAsking <= now else { return }
        asksForTracking = false
        let rules = await hands.rules.trackingRules()
        let cost = Duration.nanoseconds(Int64(clamping: MonotonicTime.now.nanoseconds(since: now)))
        nextAsking = .now + max(.seconds(1), cost * 20)
        guard let rules, rules != tracking else { return }
        tracking = rules
        hands.heed(rules)
    }
}
