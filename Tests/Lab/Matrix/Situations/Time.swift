extension TransparencyMatrix {
    private static let stateful = [
        "ipt -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", "ipt -A INPUT -p tcp --syn -j ACCEPT",
        "ipt -A INPUT -p tcp -j DROP",
    ]

    /// What is forgotten, and what other hands do while connections run.
    static let time = [
        Situation(
            name: "tracking-flushed",
            sentence: "conntrack -F while a connection runs, as scripts of multi-WAN set-ups do.",
            during: ["conntrack -F >/dev/null 2>&1"], behaviour: .disturbed(rest: 0.5)),
        Situation(
            name: "tracking-flushed-masqueraded", sentence: "The same on a router that masquerades.",
            router: ["ipt -t nat -A POSTROUTING -o wan+ -j MASQUERADE"], during: ["conntrack -F >/dev/null 2>&1"],
            behaviour: .disturbed(rest: 0.5)),
        Situation(
            name: "tracking-deleted-by-source", sentence: "The client's entries are deleted, as captive portals do.",
            during: ["conntrack -D -f ipv$F -s $C0 >/dev/null 2>&1 || true"], behaviour: .disturbed(rest: 0.5)),
        Situation(
            name: "short-close-wait", sentence: "Tracking forgets half-closed connections after a second.",
            router: ["sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_close_wait=1"],
            behaviour: .halfCloseByClient(after: 3)),
        Situation(
            name: "short-fin-wait", sentence: "The same when the server has ended first.",
            router: [
                "sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_fin_wait=1",
                "sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_close_wait=1",
            ], behaviour: .halfCloseByServer(after: 3)),
        Situation(
            name: "short-established", sentence: "Tracking forgets idle connections after two seconds.",
            router: ["sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=2"], behaviour: .idle(4)),
        Situation(
            name: "forgetful-nat",
            sentence: "A NAT behind the box forgets idle connections; the client keeps its own alive.",
            server: [
                "sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=3 net.netfilter.nf_conntrack_tcp_loose=0"
            ]
                + stateful, behaviour: .idle(6, probedEvery: 1), limit: .seconds(9)),
        Situation(
            name: "dead-client", sentence: "The server probes a client that has vanished.",
            during: ["ip link set lan0 down", "ip link set lan1 down"], behaviour: .deadClient, limit: .seconds(25),
            endsWell: false,
            differs: [.time: "The box's own probes have to fail first; then the server's get no answer any more."]),
        Situation(
            name: "daemon-killed", sentence: "Daemon and sentinel are killed; the router masquerades by a whole mark.",
            router: [
                "ipt -t mangle -A PREROUTING -i lan+ -j MARK --set-mark 1",
                "ipt -t nat -A POSTROUTING -m mark --mark 1 -j MASQUERADE",
            ],
            started: ["test -z $SLUICE || { pkill -9 -P $SLUICE || true; kill -9 $SLUICE; sleep 0.2; }"],
            expected: .passes, differs: [.daemon: "It is killed."]),
        Situation(
            name: "daemon-stopped", sentence: "The daemon stands still.",
            started: ["test -z $SLUICE || { kill -STOP $SLUICE; sleep 1; }"], behaviour: .connections(2),
            expected: .passes),
        hand("mangle-flushed", "iptables -t mangle -F", ["ipt -t mangle -F"]),
        hand("filter-flushed", "iptables -F", ["ipt -F"]),
        hand("raw-flushed", "iptables -t raw -F", ["ipt -t raw -F"]),
        hand(
            "tables-restored", "iptables-restore with the operator's rules alone, as a firewall's reload does",
            ["printf '*%s\\nCOMMIT\\n' raw mangle filter nat | restore"]),
        hand(
            "jumps-deleted", "deletion of the jumps to Sluice's chains",
            [
                "ipt -t mangle -D PREROUTING -j SLUICE_PREROUTING || true",
                "ipt -t mangle -D FORWARD -j SLUICE_FORWARD || true",
            ].map { $0.replacing(" || true", with: " 2>/dev/null || true") }),
        hand(
            "routing-rules-flushed", "ip rule flush, as systemd-networkd does to foreign rules",
            [
                "ipf rule flush", "ipf rule add lookup main pref 32766",
                "ipf rule add lookup default pref 32767 || true",
            ].map { $0.replacing(" || true", with: " 2>/dev/null || true") }),
        hand(
            "routes-flushed", "deletion of the routes in all tables of others",
            [
                "for table in $(ipf rule | sed -n 's/.*lookup \\([0-9][0-9]*\\).*/\\1/p' | sort -u); do",
                "ipf route flush table $table", "done",
            ]),
        hand("device-deleted", "ip link del sluice0", ["ip link del sluice0 2>/dev/null || true"]),
        hand("device-down", "ip link set sluice0 down", ["ip link set sluice0 down 2>/dev/null || true"]),
        hand("early-demux-set", "sysctl net.ipv4.tcp_early_demux=1", ["sysctl -qw net.ipv4.tcp_early_demux=1"]),
        hand(
            "reverse-path-set", "sysctl rp_filter=1 on every interface",
            [
                "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 >$f; done"
            ]),
        hand(
            "rules-inserted-first", "insertion of a firewall's own rules before all others",
            [
                "ipt -I INPUT -m conntrack --ctstate INVALID -j DROP",
                "ipt -I FORWARD -m conntrack --ctstate INVALID -j DROP",
                "ipt -t mangle -I PREROUTING -i lan+ -j MARK --set-xmark 0x4/0x4",
            ]),
        Situation(
            name: "uplink-flaps", sentence: "The uplink goes down and comes back while a connection runs.",
            during: [
                "ip link set wan0 down", "sleep 0.3", "ip link set wan0 up",
                "ipf address replace $B0/$([ $F = 4 ] && echo 24 || echo 64) dev wan0",
                "ipf route replace default via $G0 dev wan0",
            ], behaviour: .disturbed(rest: 0.5)),
        Situation(
            name: "access-flaps", sentence: "The client's first link goes down at the router and comes back.",
            during: [
                "ip link set lan0 down", "sleep 0.3", "ip link set lan0 up",
                "ipf address replace $A0/$([ $F = 4 ] && echo 24 || echo 64) dev lan0",
            ], behaviour: .disturbed(rest: 0.5)),
    ]

    private static func hand(_ name: String, _ what: String, _ lines: [String]) -> Situation {
        Situation(
            name: name, sentence: "Other hands: \(what), while a connection runs.", during: lines,
            behaviour: .disturbed())
    }
}
