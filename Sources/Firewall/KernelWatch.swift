import LinuxSystem

/// What has changed in the kernel that somebody should look at.
public enum KernelNews: Hashable, Sendable {
    /// A table of iptables' of this family and name; of nft's own, too, which may bear the same name.
    case rules(AddressFamily, String)
    /// Our device, our routes, or any routing rule.
    case routing
    /// News were lost: all of it may have changed.
    case unknown
    /// Nothing is known to have changed; a second has gone by.
    case tick
}

/// Waits, on a thread of its own, for changes of rules, routes and devices that somebody may have made, and looks ten times
/// a second at the tables of iptables-legacy, which tell nobody.
public final class KernelWatch: Sendable {
    fileprivate enum Order: Sendable {
        case call(@Sendable () -> Void)
        case stop
    }

    private let orders: Mailbox<Order>
    private let thread: SystemThread

    /// Starts in the network namespace of the calling thread. `tell` is called on the watch's thread, which it must not keep.
    init(
        _ setting: RuleSetting, looksAtLegacy: Bool, families: [AddressFamily],
        tell: @escaping @Sendable (Set<KernelNews>) -> Void
    ) throws(SystemError) {
        let orders = try Mailbox<Order>()
        self.orders = orders
        // From here on the desk is its thread's alone.
        nonisolated(unsafe) let desk = try WatchDesk(
            setting, legacy: looksAtLegacy ? try? LegacyWatch(families) : nil, orders: orders, tell: tell)
        thread = try SystemThread(named: "watch") { desk.run() }
    }

    /// Runs `body` on the watch's thread when its turn comes, and so shows whether it still takes any.
    public func call(_ body: @escaping @Sendable () -> Void) { orders.post(.call(body)) }

    /// Blocks until the thread has ended.
    public func stop() {
        orders.post(.stop)
        thread.join()
    }
}

/// Touched on the watch's thread alone.
private final class WatchDesk {
    private let setting: RuleSetting
    private let tell: @Sendable (Set<KernelNews>) -> Void
    private let orders: Mailbox<KernelWatch.Order>
    private let loop: EventLoop
    private let routing: NetlinkChannel
    /// nil where the kernel has no nf_tables.
    private let nftables: NetlinkChannel?
    /// nil when the rules are none of iptables-legacy's.
    private var legacy: LegacyWatch?
    private var isStopped = false

    init(
        _ setting: RuleSetting, legacy: consuming LegacyWatch?, orders: Mailbox<KernelWatch.Order>,
        tell: @escaping @Sendable (Set<KernelNews>) -> Void
    ) throws(SystemError) {
        self.setting = setting
        self.orders = orders
        self.tell = tell
        loop = try EventLoop(capacity: 4)
        routing = try NetlinkChannel(RoutingReader.netlinkRoute)
        for group in RoutingReader.newsGroups { try routing.join(group: group) }
        nftables = try? NetlinkChannel(Nftables.netlinkNetfilter)
        try? nftables?.join(group: Nftables.newsGroup)
        self.legacy = legacy
        try loop.add(orders.descriptor, .readable, tag: 0)
        try loop.add(routing.descriptor, .readable, tag: 1)
        if let nftables { try loop.add(nftables.descriptor, .readable, tag: 2) }
    }

    func run() {
        var nextTick = MonotonicTime.now
        while !isStopped {
            var news: Set<KernelNews> = []
            loop.wait(timeout: legacy == nil ? 1000 : 100) { tag, _ in
                switch tag {
                case 1:
                    read(routing, into: &news) { message in
                        RoutingReader.news(
                            in: message, tables: setting.routeTable...setting.routeTable + 1, device: setting.tun)
                    }
                case 2: if let nftables { read(nftables, into: &news, Nftables.news) }
                default: takeOrders()
                }
            }
            legacy?.look(at: .now, &news)
            if nextTick <= .now {
                nextTick = .now + .seconds(1)
                news.insert(.tick)
            }
            if !news.isEmpty { tell(news) }
        }
    }

    private func takeOrders() {
        for order in orders.take() {
            switch order {
            case .call(let body): body()
            case .stop: isStopped = true
            }
        }
    }

    private func read(
        _ channel: NetlinkChannel, into news: inout Set<KernelNews>, _ meaning: (NetlinkReply) -> KernelNews?
    ) {
        let isComplete = channel.takeNews { if let one = meaning($0) { news.insert(one) } }
        if !isComplete { news.insert(.unknown) }
    }
}

/// Looks at tables of iptables-legacy.
private struct LegacyWatch {
    private let tables: LegacyTables
    private let families: [AddressFamily]
    private var summaries: [KernelNews: LegacyTables.Summary] = [:]
    private var fingerprints: [KernelNews: UInt64] = [:]
    private var nextReading = MonotonicTime.now

    init(_ families: [AddressFamily]) throws(SystemError) {
        tables = try LegacyTables()
        self.families = families
    }

    mutating func look(at now: MonotonicTime, _ news: inout Set<KernelNews>) {
        let isReading = nextReading <= now
        for family in families {
            for table in Firewall.tables {
                let key = KernelNews.rules(family, table)
                guard let summary = try? tables.summary(family, table) else { continue }
                if let before = summaries.updateValue(summary, forKey: key), before != summary { news.insert(key) }
                guard isReading, let read = try? tables.entries(family, table, summary)?.fingerprint else { continue }
                if let before = fingerprints.updateValue(read, forKey: key), before != read { news.insert(key) }
            }
        }
        guard isReading else { return }
        // All rules, of which there may be ten thousands: it shall cost half a percent of a processor at most.
        let cost = Duration.nanoseconds(Int64(clamping: MonotonicTime.now.nanoseconds(since: now)))
        nextReading = .now + max(.seconds(1), cost * 200)
    }
}
