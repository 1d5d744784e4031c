extension TransparencyMatrix {
    /// The LAN goes by wan0, all else by wan1.
    private static let split = [
        "ipf route replace default via $G1 dev wan1", "ipf route add default via $G0 dev wan0 table 100",
    ]
    /// Nothing of the LAN's may leave by wan1, whatever comes.
    private static let killSwitch = [
        "ipt -A FORWARD -i lan+ -o wan1 -j DROP", "ipt -A OUTPUT -o wan1 -p tcp -j DROP",
    ]

    private static let policies: [(name: String, by: String, lines: [String])] = [
        (
            "mark", "by a whole mark",
            ["ipt -t mangle -A PREROUTING -i lan+ -j MARK --set-mark 1", "ipf rule add fwmark 1 lookup 100"]
        ),
        (
            "pbr-mark", "by a mark within 0x00ff0000, as pbr does",
            [
                "ipt -t mangle -A PREROUTING -i lan+ -j MARK --set-xmark 0x00010000/0x00ff0000",
                "ipf rule add fwmark 0x00010000/0x00ff0000 lookup 100",
            ]
        ),
        (
            "mwan3-mark", "by a mark that connections keep, as mwan3 does",
            [
                "for chain in PREROUTING OUTPUT; do",
                "ipt -t mangle -A $chain -j CONNMARK --restore-mark --nfmask 0x3f00 --ctmask 0x3f00",
                "ipt -t mangle -A $chain -s $LAN -m mark --mark 0/0x3f00 -j MARK --set-xmark 0x100/0x3f00",
                "ipt -t mangle -A $chain -j CONNMARK --save-mark --nfmask 0x3f00 --ctmask 0x3f00",
                "done",
                "ipf rule add fwmark 0x100/0x3f00 lookup 100", "ipf rule add pref 90 to $LAN lookup main",
            ]
        ),
        (
            "interface", "by the incoming interface",
            ["ipf rule add iif lan0 lookup 100", "ipf rule add iif lan1 lookup 100"]
        ),
        ("source", "by the clients' prefix", ["ipf rule add from $LAN lookup 100"]),
    ]

    /// Which way packets go, and who decides that.
    static let routing =
        policies.flatMap { policy in
            [
                Situation(
                    name: "uplink-by-\(policy.name)",
                    sentence: "Two uplinks; that of the LAN, not the default one, is chosen \(policy.by).",
                    router: split + policy.lines, expected: .either),
                Situation(
                    name: "uplink-by-\(policy.name)-with-kill-switch",
                    sentence: "The same, and the LAN is forbidden the other uplink.",
                    router: split + policy.lines + killSwitch, expected: .either),
            ]
        } + [
            Situation(
                name: "uplink-by-port", sentence: "The uplink is chosen by the server's port.",
                router: split + ["ipf rule add ipproto tcp dport 5000 lookup 100"], expected: .either),
            Situation(
                name: "uplink-by-client-port", sentence: "The uplink is chosen by the client's port.",
                router: split + ["ipf rule add ipproto tcp sport 41003 lookup 100"], behaviour: .bound(to: 41_003),
                expected: .either),
            Situation(
                name: "uplink-by-dscp", sentence: "The uplink is chosen by the client's DSCP.",
                router: split + ["ipf rule add tos 0x10 lookup 100"],
                client: ["ipt -t mangle -A OUTPUT -p tcp -j DSCP --set-dscp 4"], expected: .either),
            Situation(
                name: "wireguard",
                sentence: "All but WireGuard's own packets goes by the tunnel, as wg-quick sets it up.",
                router: [
                    "ipf route replace default via $G1 dev wan1", "ipf route add default via $G0 dev wan0 table 51820",
                    "ipf rule add not fwmark 51820 lookup 51820", "ipf rule add lookup main suppress_prefixlength 0",
                    "sysctl -qw net.ipv4.conf.all.src_valid_mark=1",
                    "ipt -t raw -A PREROUTING ! -i wan0 -d $B0 -m addrtype ! --src-type LOCAL -j DROP",
                    "ipt -t mangle -A POSTROUTING -p udp -m mark --mark 51820 -j CONNMARK --save-mark",
                    "ipt -t mangle -A PREROUTING -p udp -j CONNMARK --restore-mark",
                    "ipt -t nat -A POSTROUTING -o wan0 -j MASQUERADE",
                ]),
            Situation(
                name: "tailscale", sentence: "The clients come by Tailscale; the router is their exit node.",
                router: [
                    "ipf rule add pref 5210 fwmark 0x80000/0xff0000 lookup main",
                    "ipf rule add pref 5270 lookup 52",
                    "ipf route add unreachable 100.100.100.100 table 52 2>/dev/null || true",
                    "ipt -N ts-forward", "ipt -t nat -N ts-postrouting", "ipt -A FORWARD -j ts-forward",
                    "ipt -t nat -A POSTROUTING -j ts-postrouting",
                    "ipt -A ts-forward -i lan+ -j MARK --set-xmark 0x40000/0xff0000",
                    "ipt -A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT",
                    "ipt -A ts-forward -o lan+ -j ACCEPT", "ipt -P FORWARD DROP",
                    "ipt -t nat -A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE",
                ], expected: .either),
            Situation(
                name: "tunnel-goes-down",
                sentence:
                    "The LAN's uplink goes down in mid transfer; another has a default route that the LAN may not use.",
                router: ["ipf route add default via $G1 dev wan1 metric 2000"] + killSwitch.prefix(1),
                during: ["ip link set wan0 down"], behaviour: .exchange(disturbed: 2), limit: .seconds(3),
                endsWell: false),
            Situation(
                name: "uplink-moves", sentence: "The default route moves to the other uplink between two connections.",
                started: ["ipf route replace default via $G1 dev wan1"], behaviour: .connections(2)),
            Situation(
                name: "equal-cost-routes", sentence: "Two default routes of equal cost, chosen by addresses.",
                router: ["ipf route replace default nexthop via $G0 dev wan0 nexthop via $G1 dev wan1"],
                // For IPv6 by flow labels, too, of which a client's connections have one each.
                expected: .either, byChance: [.uplink, .wires]),
            Situation(
                name: "equal-cost-routes-by-ports", sentence: "The same, chosen by ports too.",
                router: [
                    "sysctl -qw net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1",
                    "ipf route replace default nexthop via $G0 dev wan0 nexthop via $G1 dev wan1",
                ], behaviour: .connections(8),
                byChance: [.uplink, .wires]),
            Situation(
                name: "no-route", sentence: "The route to the server is unreachable.",
                router: ["ipf route add unreachable $S/$ALL"], behaviour: .attempt(port: 5000), endsWell: false,
                expected: .either),
            Situation(
                name: "prohibited-by-rule", sentence: "A routing rule prohibits the clients that server.",
                router: ["ipf rule add from $LAN to $S prohibit"], behaviour: .attempt(port: 5000), endsWell: false,
                expected: .either),
            Situation(
                name: "strict-reverse-path", sentence: "Sources have to be where they are routed to (rp_filter = 1).",
                router: ["for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 >$f; done"]
                    + ["ipt -t raw -A PREROUTING -m rpfilter --validmark --invert -j DROP"]),
            Situation(
                name: "strict-reverse-path-and-marks",
                sentence: "The same with marks that choose the LAN's uplink (src_valid_mark = 1).",
                router: split + policies[0].lines + [
                    "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 >$f; done",
                    "for f in /proc/sys/net/ipv4/conf/*/src_valid_mark; do echo 1 >$f; done",
                    "ipt -t mangle -A PREROUTING -i wan0 -j MARK --set-mark 1",
                    "ipf rule add pref 90 to $LAN lookup main",
                ], expected: .either,
                differs: [
                    .time:
                        "Marks by which the router checks answers' sources don't reach the box's own; a first SYN waits for it in vain.",
                    .repeatedSYNs: "The same.",
                ]),
            Situation(
                name: "link-local-gateways",
                sentence: "Router and client know each other by link-local addresses alone.",
                families: [.v6],
                router: [
                    "ip -6 address flush dev wan0 scope global",
                    "ip -6 address add fe80::1/64 dev lan0 nodad", "ip -6 address add fe80::1/64 dev lan1 nodad",
                    "ip -6 address add fe80::3/64 dev wan0 nodad", "ip -6 route replace default via fe80::2 dev wan0",
                ],
                server: [
                    "ip -6 address add fe80::2/64 dev eth0 nodad", "ip -6 route replace default via fe80::3 dev eth0",
                ],
                client: [
                    "ip -6 route replace default via fe80::1 dev lan0",
                    "ip -6 route replace default via fe80::1 dev lan0 table 1",
                    "ip -6 route replace default via fe80::1 dev lan1 table 2",
                ]),
            Situation(
                name: "bridge", sentence: "The clients are behind a bridge, as on OpenWrt.",
                router: [
                    "ip link add br-lan type bridge", "ip link set br-lan up", "ip link set lan0 master br-lan",
                    "ip -4 address flush dev lan0", "ip -6 address flush dev lan0 scope global",
                    "ipf address add $A0/$([ $F = 4 ] && echo 24 || echo 64) dev br-lan",
                ], interfaces: ["br-lan", "lan1"]),
            Situation(
                name: "vrf", sentence: "LAN and uplink are in a VRF.", needs: "ip link add vrf9 type vrf table 9",
                router: [
                    "ip link add vrf0 type vrf table 10", "ip link set vrf0 up", "ip link set lan0 master vrf0",
                    "ip link set lan1 master vrf0", "ip link set wan0 master vrf0",
                    "ipf route add default via $G0 dev wan0 table 10",
                ], expected: .either),
        ]
}
