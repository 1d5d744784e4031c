import CNetlinkRoute
import Wire

/// The u32 filters of one family at one place: what comes in by an interface, or the HTB of the IFB.
///
/// A filter that tells TCP leads to a table of 256 buckets by the client's port, where each subflow has a filter of its
/// own. So a packet that isn't steered meets a filter or two, however many subflows are. It also stands for "ours": the
/// qdisc that it is in may be somebody else's.
struct FilterTable: Hashable, Sendable {
    let isIPv4: Bool
    let parent: Handle
    let pref: UInt16

    /// Of u32's hash tables, 12 bits and unique in a qdisc; the upper bits of the handles of the filters in it.
    private var table: UInt32 { isIPv4 ? 0x770 << 20 : 0x771 << 20 }
    private var info: UInt32 { UInt32(pref) << 16 | UInt32(UInt16(isIPv4 ? 0x0800 : 0x86dd).bigEndian) }

    /// In the order in which to make them.
    var fixtures: [TrafficObject] {
        let buckets = filter(table, [Attribute(TCA_U32_DIVISOR, UInt32(256))])
        let hash = selector(tcpKeys, hashOffset: portsOffset, hashMask: 0x00ff_0000)
        let entrance = filter(1, [Attribute(TCA_U32_LINK, table), hash])
        return [buckets, entrance]
    }

    /// In the order in which to remove them, of those that are `there`. A table that is led to can't go, and would stay
    /// in a qdisc that has other u32 filters when only the pref went (net/sched/cls_u32.c, u32_destroy).
    func removals(_ there: [TrafficObject]) -> [TrafficObject] {
        let ours = there.filter { holds($0) && $0.options != nil }
        let handles = ours.map(\.handle.rawValue)
        let entrances = handles.filter { $0 >> 31 == 1 && $0 & 0xfff != 0 }
        // One of that number that isn't listed as ours is somebody else's.
        let tables = handles.filter { $0 == table }
        return (entrances + tables + [0]).map { filter($0) }
    }

    func holds(_ object: TrafficObject) -> Bool { object.info == info && object.kind == "u32" }

    /// `handle` as `subflowHandle` gives it. The outcome is a class or an action.
    func subflow(_ handle: UInt32, _ tuple: FourTuple, _ outcome: Attribute) -> TrafficObject {
        let match = selector(keys(tuple), flags: UInt8(TC_U32_TERMINAL))
        return filter(handle, [Attribute(TCA_U32_HASH, handle & 0xffff_f000), match, outcome])
    }

    /// What to remove `subflow` by.
    func subflow(_ handle: UInt32) -> TrafficObject { filter(handle) }

    /// `number`: 1-4095, unique in the tuple's bucket.
    func subflowHandle(_ tuple: FourTuple, number: UInt32) -> UInt32 {
        table | UInt32(tuple.client.port & 0xff) << 12 | number
    }

    static func leading(to class: Handle) -> Attribute { Attribute(TCA_U32_CLASSID, `class`.rawValue) }

    static func redirecting(to interface: UInt32) -> Attribute {
        var mirred = tc_mirred()
        mirred.action = TC_ACT_STOLEN
        mirred.eaction = TCA_EGRESS_REDIR
        mirred.ifindex = interface
        let action = [
            Attribute(TCA_ACT_KIND, "mirred"), Attribute(TCA_ACT_OPTIONS, [Attribute(TCA_MIRRED_PARMS, mirred)]),
        ]
        return Attribute(TCA_U32_ACT, [Attribute(1, action)])
    }

    private func filter(_ handle: UInt32, _ options: [Attribute]? = nil) -> TrafficObject {
        var object = TrafficObject(
            .filter, "u32", handle: Handle(rawValue: handle), parent: parent, options: options?.encoded)
        object.info = info
        return object
    }
}

/// Offsets count from the IP header on (RFC 791, RFC 8200); IPv4 without options, IPv6 without extension headers.
extension FilterTable {
    private struct Key {
        let offset: Int32
        let value: UInt32
        var mask: UInt32 = .max
    }

    private var portsOffset: Int32 { isIPv4 ? 20 : 40 }

    private var tcpKeys: [Key] {
        guard isIPv4 else { return [Key(offset: 4, value: 0x0600, mask: 0xff00)] }
        return [
            Key(offset: 0, value: 0x4500_0000, mask: 0xff00_0000),  // version, header length
            Key(offset: 4, value: 0, mask: 0x1fff),  // fragment offset
            Key(offset: 8, value: 0x0006_0000, mask: 0x00ff_0000),  // protocol
        ]
    }

    /// The ports first: they are what tells most others apart.
    private func keys(_ tuple: FourTuple) -> [Key] {
        let ports = Key(
            offset: portsOffset, value: UInt32(tuple.client.port) << 16 | UInt32(tuple.server.port))
        let source = isIPv4 ? 12 : 8
        let addresses = words(tuple.client.address) + words(tuple.server.address)
        return [ports]
            + addresses.enumerated().map { Key(offset: Int32(source + 4 * $0.offset), value: $0.element) }
    }

    private func words(_ address: IPAddress) -> [UInt32] {
        if isIPv4 { return [address.v4Bits] }
        return [address.high, address.low].flatMap { [UInt32($0 >> 32), UInt32(truncatingIfNeeded: $0)] }
    }

    /// `struct tc_u32_sel`, whose array of keys has no size that Swift could import.
    private func selector(_ keys: [Key], flags: UInt8 = 0, hashOffset: Int32 = 0, hashMask: UInt32 = 0) -> Attribute {
        var content = [flags, 0, UInt8(keys.count), 0] + [UInt8](repeating: 0, count: 6)
        content += rawBytes(Int16(hashOffset)) + rawBytes(hashMask.bigEndian)
        for key in keys {
            content += rawBytes(
                tc_u32_key(mask: key.mask.bigEndian, val: key.value.bigEndian, off: key.offset, offmask: 0))
        }
        return Attribute(TCA_U32_SEL, content)
    }
}
