import LinuxSystem

// Keepalive. A plain connection's ends probe each other; here each would hear the box answer, whatever has become of the
// other end. So the box hands on what probes are for:
//
//     client ── probes ──▶ box ── probes as often ──▶ server       what lies on the way keeps the connection
//     client ── probes ──▶ box    no answer, for the server gives none      the client itself decides when to give up
//
// and the same the other way round. It never decides by itself that an end is dead, but for the kernel's last word after
// two hours. This file decides and knows no sockets; Worker+Keepalive.swift asks and tells the kernel.

/// How an idle side is probed, in whole seconds (tcp(7): TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
struct KeepalivePace: Hashable {
    /// Idle for so long, it is probed.
    var idle: Int32
    /// Without an answer it is probed again after this.
    var interval: Int32
    /// So many unanswered probes end the connection.
    var count: Int32

    /// What the kernel takes (include/net/tcp.h, MAX_TCP_KEEPIDLE, MAX_TCP_KEEPCNT).
    private static let longest: Int32 = 32767
    private static let mostProbes: Int32 = 127
    /// tcp(7): tcp_keepalive_intvl, and how long a dead peer is kept with the kernel's own values.
    private static let usualInterval: Int32 = 75
    private static let patience: Int32 = 7200

    init(idle: Int32, interval: Int32, count: Int32) {
        self.idle = idle
        self.interval = interval
        self.count = count
    }

    /// The box's own: an outage that an idle connection would outlive without the box ends nothing here either.
    init(_ idle: Duration) {
        self.idle = Self.seconds(idle)
        interval = min(self.idle, Self.usualInterval)
        count = min(Self.mostProbes, max(9, Self.patience / interval))
    }

    /// For the side whose peer probes at this interval: a little sooner, so that it is known whether it answers when the
    /// peer's next probe comes; and sooner again when it doesn't, so that it is soon known when it does. The peer gives
    /// up long before the last of them.
    init(following interval: Duration) {
        let seconds = Self.seconds(interval)
        idle = max(1, seconds * 3 / 4)
        self.interval = max(1, seconds / 2)
        count = Self.mostProbes
    }

    /// Is it soon enough to set it when the session has been idle for some seconds (`Worker.watchKeepalive`)?
    var isDeferrable: Bool { idle > 10 }

    private static func seconds(_ duration: Duration) -> Int32 {
        min(longest, max(1, Int32(clamping: duration.components.seconds)))
    }
}

/// Tells a peer's keepalive probes on an idle TCP connection by how many segments have come in: the kernel answers them
/// and tells nobody.
struct ProbeWatch {
    private var segments: UInt32 = 0
    /// When bytes last moved, as far as is known: what came before is no probe.
    private var base: MonotonicTime?
    private var lastLook = MonotonicTime(nanoseconds: 0)
    /// When the peer's last probe was noticed; at first, when bytes last moved.
    private var lastProbe = MonotonicTime(nanoseconds: 0)
    /// When the peer last answered a probe of the box's; at first, when bytes last moved.
    private var lastAnswer = MonotonicTime(nanoseconds: 0)

    /// Looks at the connection. Returns the interval at which the peer probes, if it has since the last look.
    ///
    /// - Parameters:
    ///   - segments: Segments that have come in since the connection began, on all its subflows.
    ///   - subflows: How many there are. Each is probed.
    ///   - moved: When bytes last moved, either way.
    ///   - ownIdle: Seconds of silence after which the box probes; nil if it doesn't.
    ///   - sinceAcknowledgement: How long ago an acknowledgement was taken, which a probe's isn't; nil if that isn't known.
    mutating func look(
        segments: UInt32, subflows: Int = 1, moved: MonotonicTime, ownIdle: Int32?,
        sinceAcknowledgement: Duration? = nil, at now: MonotonicTime
    ) -> Duration? {
        defer {
            self.segments = segments
            lastLook = now
        }
        guard let base, base >= moved else {
            self.base = moved
            lastProbe = moved
            lastAnswer = moved
            return nil
        }
        let arrived = segments &- self.segments
        // More is no silence: a subflow has gone as another came.
        guard (1..<65536).contains(arrived) else { return nil }
        let came = (arrived + UInt32(subflows) - 1) / UInt32(max(1, subflows))
        let since = now.nanoseconds(since: lastLook)
        // An acknowledgement that isn't the answer to a probe of the box's: a window that has opened, a join.
        if ownIdle == nil, let sinceAcknowledgement,
            sinceAcknowledgement + Self.clockGrain < .nanoseconds(Int64(clamping: since))
        {
            return nil
        }
        let answers = ownIdle.map { expectedAnswers(since, idle: UInt64($0) * Self.second, at: now) } ?? 0
        if answers > 0 { lastAnswer = now }
        guard came > answers else { return nil }
        let probes = UInt64(came - answers)
        let interval = probes == 1 ? now.nanoseconds(since: lastProbe) : since / probes
        lastProbe = now
        return .nanoseconds(Int64(clamping: interval))
    }

    private static let second: UInt64 = 1_000_000_000
    /// The kernel counts in ticks, of ten milliseconds at most.
    private static let clockGrain = Duration.milliseconds(20)

    /// How many of the segments may be answers to the box's own probes. The last answer may have come up to one look
    /// before it was noticed.
    private func expectedAnswers(_ since: UInt64, idle: UInt64, at now: MonotonicTime) -> UInt32 {
        guard now.nanoseconds(since: lastAnswer) + since + 2 * Self.second >= idle else { return 0 }
        return UInt32(clamping: since / idle + 1)
    }
}

/// Whether a side answers the box's probes, from looks a second apart.
struct Responsiveness {
    private var unanswered = 0

    /// Takes a look: are there probes without an answer? Returns whether the side is silent. One look doesn't make it so,
    /// since an answer takes its time.
    mutating func look(hasUnansweredProbes: Bool) -> Bool {
        unanswered = hasUnansweredProbes ? min(unanswered + 1, 2) : 0
        return unanswered == 2
    }
}
