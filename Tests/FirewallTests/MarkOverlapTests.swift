import Testing

@testable import Firewall

struct MarkOverlapTests {
    static let mask: UInt32 = 0x0fff_0000

    @Test(arguments: [
        ("-A PREROUTING -i lan0 -j MARK --set-xmark 0x2/0xffffffff", false),
        ("-A PREROUTING -i lan0 -j MARK --set-xmark 0x20000/0xff0000", true),
        ("-A PREROUTING -i lan0 -j MARK --set-xmark 0x10000000/0xf0000000", false),
        ("-A FORWARD -m mark --mark 0x2 -j ACCEPT", false),
        ("-A FORWARD -m mark --mark 0x100000/0x100000 -j ACCEPT", true),
        ("-A FORWARD -m connmark --mark 0x10000 -j ACCEPT", true),
        ("-A PREROUTING -j CONNMARK --set-xmark 0x1/0xffffffff", true),
        ("-A PREROUTING -j CONNMARK --set-xmark 0x1/0xff", false),
        ("-A PREROUTING -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff", true),
        ("-A PREROUTING -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff", false),
        ("-A PREROUTING -j CONNMARK --save-mark", true),
        ("-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff", false),
        ("-A SLUICE_PREROUTING -j CONNMARK --set-xmark 0x2000000/0x7000000", false),
        ("-A PREROUTING -j SLUICE_PREROUTING", false), (":PREROUTING ACCEPT [0:0]", false),
    ])
    func ofIptables(_ rule: String, _ overlaps: Bool) {
        let found = MarkOverlap.among("*mangle\n\(rule)\nCOMMIT", Self.mask, .ipv6)
        #expect(found == (overlaps ? [MarkOverlap(place: "ip6tables mangle", rule: rule)] : []))
    }

    @Test(arguments: [
        ("32765:\tfrom all fwmark 0x1 lookup 100", true), ("32765:\tfrom all fwmark 0x1/0xff lookup 100", false),
        ("200:\tfrom all fwmark 0x20000/0x20000 lookup uplink2", true), ("32766:\tfrom all lookup main", false),
        ("101:\tfrom all fwmark 0x4000000/0x7000000 lookup 7700 proto 83", false),
    ])
    func ofRouting(_ rule: String, _ overlaps: Bool) {
        #expect(MarkOverlap.among(routingRules: rule, Self.mask, .ipv4).count == (overlaps ? 1 : 0))
    }
}
