import CNetlinkRoute

/// Our HTB: the messages of its root, classes and leaves. What each number is for, and no message of its own.
enum Shaper {
    /// Of the root, on whatever device; what has it is ours.
    static let handle = Handle(0x7700)
    /// For what has no class; beyond those that a number can name.
    ///
    /// HTB could do without: what finds no default class goes out directly. Measured on unshaped veth (Linux 6.18, 2
    /// cores): a datagram of 64 bytes takes 611 ns without HTB, 672 ns by the direct queue, 750 ns by this class; bulk
    /// TCP ran at 79, 78 and 74 Gbit/s. Yet the direct queue goes before all classes, so that on a full link it would
    /// starve them, and it is a plain FIFO, where a leaf may be fq_codel.
    static let defaultMinor: UInt16 = 0x100
    /// Bits per second of what isn't to be held up: 1 Tbit/s.
    static let unlimited: UInt64 = 1_000_000_000_000

    static let root: TrafficObject = {
        var global = tc_htb_glob()
        global.version = 3
        global.rate2quantum = 10
        global.defcls = UInt32(defaultMinor)
        // The direct queue takes packets while there is no default class yet; on a device with txqueuelen 0 it would
        // take none.
        let options = [Attribute(TCA_HTB_INIT, global), Attribute(TCA_HTB_DIRECT_QLEN, UInt32(1000))]
        return TrafficObject(.qdisc, "htb", handle: handle, parent: .root, options: options.encoded)
    }()

    static func isOurs(_ object: TrafficObject) -> Bool {
        object.layer == .qdisc && object.kind == "htb" && object.handle == handle && object.parent == .root
    }

    static func classHandle(_ minor: UInt16) -> Handle { Handle(handle.major, minor) }

    /// Of the qdisc in the class.
    static func leafHandle(_ minor: UInt16) -> Handle { Handle(handle.major + minor) }

    /// `rate` in bits per second, at least 8.
    static func shapingClass(_ minor: UInt16, rate: UInt64) -> TrafficObject {
        let rate = max(1, rate / 8)
        var parameters = tc_htb_opt()
        parameters.rate = specification(rate)
        parameters.ceil = parameters.rate
        parameters.buffer = burstTicks(rate)
        parameters.cbuffer = parameters.buffer
        parameters.quantum = quantum(rate)
        var options = [Attribute(TCA_HTB_PARMS, parameters)]
        if rate > UInt64(UInt32.max) {
            options += [Attribute(TCA_HTB_RATE64, rate), Attribute(TCA_HTB_CEIL64, rate)]
        }
        return TrafficObject(
            .class, "htb", handle: classHandle(minor), parent: handle, options: options.encoded)
    }

    /// `rate` in bytes per second. A link layer that is given makes the kernel want no table of transmission times
    /// (net/sched/sch_htb.c, htb_change_class).
    private static func specification(_ rate: UInt64) -> tc_ratespec {
        var specification = tc_ratespec()
        specification.rate = UInt32(clamping: rate)
        specification.linklayer = UInt8(TC_LINKLAYER_ETHERNET.rawValue)
        return specification
    }

    /// The burst as the kernel wants it: the time that it takes at the rate, in ticks of 64 ns
    /// (include/net/pkt_sched.h, PSCHED_SHIFT). 32 KiB, or 10 ms where that is more: enough that a class reaches its
    /// rate with timers that are late by some ms, and little to those who wait behind it. A GSO packet beyond the burst
    /// passes all the same, and the class waits for longer then.
    static func burstTicks(_ rate: UInt64) -> UInt32 {
        let burst = max(32 << 10, rate / 100)
        return UInt32(clamping: UInt64(Double(burst) * 1e9 / Double(rate) / 64))
    }

    /// Bytes of a turn among classes that share; ours share nothing. Between a packet and what the kernel doesn't
    /// remark on as big (200,000) or small (1,000).
    static func quantum(_ rate: UInt64) -> UInt32 { UInt32(min(max(rate / 100, 1514), 60_000)) }

    // MARK: Leaves

    static func fairLeaf(_ minor: UInt16) -> TrafficObject {
        TrafficObject(.qdisc, "fq_codel", handle: leafHandle(minor), parent: classHandle(minor))
    }

    /// 200 ms at the rate, for kernels without fq_codel; a slow class holds 256 KiB, some GSO packets, all the same, and
    /// a fast one no more than fq_codel would (net/sched/sch_fq_codel.c, memory_limit).
    static func boundedLeaf(_ minor: UInt16, rate: UInt64) -> TrafficObject {
        let limit = UInt32(min(max(256 << 10, rate / 8 / 5), 32 << 20))
        return fifo("bfifo", minor, limit: limit)
    }

    /// 1000 packets are what a device's own queue holds (include/net/pkt_sched.h, DEFAULT_TX_QUEUE_LEN). HTB's own leaf
    /// would take the device's txqueuelen, which is 32 of an IFB and may be 0.
    static let boundedDefaultLeaf = fifo("pfifo", defaultMinor, limit: 1000)

    private static func fifo(_ kind: String, _ minor: UInt16, limit: UInt32) -> TrafficObject {
        TrafficObject(
            .qdisc, kind, handle: leafHandle(minor), parent: classHandle(minor),
            options: rawBytes(tc_fifo_qopt(limit: limit)))
    }
}
