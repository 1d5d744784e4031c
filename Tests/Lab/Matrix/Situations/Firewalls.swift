extension TransparencyMatrix {
    private static let outwards = [
        "ipt -P FORWARD DROP", "ipt -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    ]

    private static func refused(_ name: String, _ sentence: String, _ rule: String, limit: Duration = .seconds(5))
        -> Situation
    {
        Situation(
            name: name, sentence: sentence, router: [rule], behaviour: .attempt(port: 5000), limit: limit,
            endsWell: false, expected: .either)
    }

    /// Rules that let through, or don't.
    static let firewalls = [
        Situation(
            name: "stateful-forward", sentence: "The router forwards new connections outwards only.",
            router: outwards + ["ipt -A FORWARD -i lan+ -o wan0 -p tcp -j ACCEPT"]),
        Situation(
            name: "forward-by-mark", sentence: "The router forwards what a whole mark allows.",
            router: outwards + [
                "ipt -t mangle -A PREROUTING -i lan+ -j MARK --set-mark 2",
                "ipt -A FORWARD -m mark --mark 2 -j ACCEPT",
            ]),
        Situation(
            name: "closed-router", sentence: "Nothing of the router's own passes INPUT and OUTPUT but answers.",
            router: [
                "ipt -P INPUT DROP", "ipt -P OUTPUT DROP", "ipt -A INPUT -i lo -j ACCEPT",
                "ipt -A OUTPUT -o lo -j ACCEPT",
                "ipt -A INPUT -p $ICMP -j ACCEPT", "ipt -A OUTPUT -p $ICMP -j ACCEPT",
                "for chain in INPUT OUTPUT; do ipt -A $chain -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; done",
            ]),
        Situation(
            name: "guest-network", sentence: "Clients may go out, and reach nothing on the router.",
            router: ["ipt -A INPUT -p $ICMP -j ACCEPT", "ipt -A INPUT -i lan+ -j DROP"]),
        Situation(
            name: "no-connections-of-its-own", sentence: "No process of the router may open a connection.",
            router: ["ipt -A OUTPUT -p tcp --syn -m owner --uid-owner 0 -j REJECT --reject-with tcp-reset"]),
        Situation(
            name: "invalid-dropped", sentence: "What connection tracking takes for invalid is dropped everywhere.",
            router: [
                "for chain in PREROUTING INPUT FORWARD OUTPUT POSTROUTING; do",
                "ipt -t mangle -A $chain -m conntrack --ctstate INVALID -j DROP", "done",
            ]),
        Situation(
            name: "strict-connection-tracking", sentence: "The same, and connections aren't picked up in mid stream.",
            router: outwards + [
                "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0",
                "ipt -I FORWARD -m conntrack --ctstate INVALID -j DROP",
                "ipt -A FORWARD -i lan+ -p tcp --syn -j ACCEPT",
            ]),
        refused(
            "reset-by-firewall", "The router rejects the clients' SYNs with a reset, as fail2ban does.",
            "ipt -A FORWARD -p tcp --dport 5000 -s $LAN -j REJECT --reject-with tcp-reset"),
        refused(
            "unreachable-by-firewall", "The same with an ICMP error (port unreachable).",
            "ipt -A FORWARD -p tcp --dport 5000 -s $LAN -j REJECT --reject-with $PORT"),
        refused(
            "prohibited-by-firewall", "The same with administratively prohibited.",
            "ipt -A FORWARD -p tcp --dport 5000 -s $LAN -j REJECT --reject-with $ADMIN"),
        refused(
            "dropped-by-firewall", "The router drops the clients' SYNs.", "ipt -A FORWARD -p tcp -s $LAN -j DROP",
            limit: .milliseconds(2500)),
        refused(
            "dropped-behind-routing", "The router drops them in mangle POSTROUTING.",
            "ipt -t mangle -A POSTROUTING -o wan0 -p tcp --dport 5000 -j DROP", limit: .milliseconds(2500)),
        Situation(
            name: "one-link-only", sentence: "The client may go out by its first link only; a join is refused.",
            router: ["ipt -A FORWARD -i lan1 -p tcp -j REJECT --reject-with tcp-reset"]),
        Situation(
            name: "banned-in-mid-connection",
            sentence: "A rule in FORWARD forbids a running connection, as fail2ban does.",
            during: ["ipt -I FORWARD -s $LAN -p tcp -j REJECT --reject-with tcp-reset"],
            behaviour: .exchange(disturbed: 2), limit: .seconds(3), endsWell: false,
            differs: [
                .client: "FORWARD sees the SYN alone; `sluice close` ends a running one.",
                .server: "FORWARD sees the SYN alone; `sluice close` ends a running one.",
                .time: "FORWARD sees the SYN alone; `sluice close` ends a running one.",
            ]),
        Situation(
            name: "banned-between-connections", sentence: "A rule in FORWARD forbids the next connection.",
            started: ["ipt -I FORWARD -s $LAN -p tcp --dport 5001 -j REJECT --reject-with tcp-reset"],
            ports: [5000, 5001, 5002], behaviour: .ports([5000, 5001, 5002])),
        Situation(
            name: "connlimit", sentence: "A client may have three connections.",
            router: [
                "ipt -A FORWARD -p tcp --syn --dport 5000 -m connlimit --connlimit-above 3 --connlimit-mask $ALL "
                    + "-j REJECT --reject-with tcp-reset"
            ], behaviour: .together(5)),
        Situation(
            name: "hashlimit", sentence: "A client may open three connections a minute.",
            router: [
                "ipt -A FORWARD -p tcp --syn --dport 5000 -m hashlimit --hashlimit-name m --hashlimit-mode srcip "
                    + "--hashlimit-above 3/min --hashlimit-burst 3 -j REJECT --reject-with tcp-reset"
            ], behaviour: .connections(5)),
        Situation(
            name: "recent", sentence: "Who opens four connections is shut out, as against brute force.",
            router: [
                "ipt -A FORWARD -p tcp --syn --dport 5000 -m recent --name m --update --seconds 60 --hitcount 4 "
                    + "-j REJECT --reject-with tcp-reset",
                "ipt -A FORWARD -p tcp --syn --dport 5000 -m recent --name m --set",
            ], behaviour: .connections(5)),
        Situation(
            name: "mac-addresses", sentence: "Only known MAC addresses may go out.",
            router: outwards + [
                "for last in 10 11; do ipt -A FORWARD -m mac --mac-source 02:00:00:00:00:$last -j ACCEPT; done"
            ],
            client: [
                "ip link set lan0 address 02:00:00:00:00:10", "ip link set lan1 address 02:00:00:00:00:11",
            ]),
        Situation(
            name: "byte-limit", sentence: "FORWARD cuts connections after 50 kB.",
            router: [
                "ipt -A FORWARD -p tcp -m connbytes --connbytes 50000: --connbytes-dir both --connbytes-mode bytes "
                    + "-j REJECT --reject-with tcp-reset"
            ],
            started: ["sysctl -qw net.netfilter.nf_conntrack_acct=1"], behaviour: .exchange(10), endsWell: false,
            differs: [
                .client: "Rules in FORWARD that count later packets don't see them.",
                .server: "Rules in FORWARD that count later packets don't see them.",
                .resets: "Rules in FORWARD that count later packets don't see them.",
                .time: "Rules in FORWARD that count later packets don't see them.",
            ]),
        Situation(
            name: "ufw", sentence: "ufw: default deny, and a route rule for the LAN.",
            router: [
                "for chain in INPUT FORWARD; do ipt -P $chain DROP; ipt -N ufw-before-$chain",
                "ipt -A $chain -j ufw-before-$chain",
                "ipt -A ufw-before-$chain -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                "ipt -A ufw-before-$chain -m conntrack --ctstate INVALID -j DROP",
                "ipt -A ufw-before-$chain -p $ICMP -j ACCEPT", "done", "ipt -N ufw-not-local",
                "ipt -A ufw-before-INPUT -j ufw-not-local",
                "ipt -A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN", "ipt -A ufw-not-local -j DROP",
                "ipt -N ufw-user-forward", "ipt -A FORWARD -j ufw-user-forward",
                "ipt -A ufw-user-forward -i lan+ -o wan+ -j ACCEPT",
            ]),
        Situation(
            name: "firewalld",
            sentence: "firewalld: nftables base chains of its own that reject what they don't know; "
                + "sluice0 is in the zone `trusted`.",
            router: [
                """
                nft -f - <<'END'
                table inet firewalld {
                  chain mangle_PREROUTING {
                    type filter hook prerouting priority mangle + 10; policy accept;
                    meta nfproto ipv6 icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
                    meta nfproto ipv6 fib saddr . mark . iif oif missing drop
                  }
                  chain filter_INPUT {
                    type filter hook input priority filter + 10; policy accept;
                    ct state { established, related } accept
                    ct status dnat accept
                    iifname { "lo", "sluice0" } accept
                    ct state invalid drop
                    meta l4proto { icmp, ipv6-icmp } accept
                    reject with icmpx type admin-prohibited
                  }
                  chain filter_FORWARD {
                    type filter hook forward priority filter + 10; policy accept;
                    ct state { established, related } accept
                    ct status dnat accept
                    iifname "lo" accept
                    ct state invalid drop
                    iifname "lan*" oifname "wan*" accept
                    reject with icmpx type admin-prohibited
                  }
                  chain filter_OUTPUT {
                    type filter hook output priority filter + 10; policy accept;
                    ct state { established, related } accept
                    oifname "lo" accept
                  }
                }
                END
                """
            ]),
        Situation(
            name: "nft-drops-by-default",
            sentence: "A native nftables ruleset: input and forward drop by policy; sluice0 is "
                + "accepted.",
            router: [
                """
                nft -f - <<'END'
                table inet filter {
                  chain input {
                    type filter hook input priority filter; policy drop;
                    ct state vmap { established : accept, related : accept, invalid : drop }
                    iifname { "lo", "sluice0" } accept
                    meta l4proto { icmp, ipv6-icmp } accept
                  }
                  chain forward {
                    type filter hook forward priority filter; policy drop;
                    ct state vmap { established : accept, related : accept, invalid : drop }
                    iifname "lan*" oifname "wan*" accept
                  }
                }
                END
                """
            ]),
        Situation(
            name: "docker", sentence: "Docker: FORWARD drops by policy, and the operator's rules are in DOCKER-USER.",
            router: outwards + [
                "ip link add docker0 type bridge", "ip address add 172.17.0.1/16 dev docker0", "ip link set docker0 up",
                "ipt -N DOCKER-USER", "ipt -N DOCKER-FORWARD", "ipt -I FORWARD -j DOCKER-FORWARD",
                "ipt -I FORWARD -j DOCKER-USER", "ipt -A DOCKER-USER -i lan+ -o wan+ -j ACCEPT",
                "ipt -A DOCKER-FORWARD -i docker0 -j ACCEPT", "ipt -t nat -N DOCKER",
                "ipt -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
                "ipt -t nat -A POSTROUTING ! -o docker0 -s 172.17.0.0/16 -j MASQUERADE 2>/dev/null || true",
            ],
            during: ["ipt -D FORWARD -j DOCKER-USER", "ipt -I FORWARD -j DOCKER-USER"],
            behaviour: .disturbed(rest: 0.5)),
        Situation(
            name: "syn-proxy", sentence: "The router's own SYNPROXY answers for the server.",
            router: [
                "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0",
                "ipt -t raw -A PREROUTING -i lan+ -p tcp --syn -j CT --notrack",
                "ipt -A FORWARD -i lan+ -p tcp -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY --sack-perm "
                    + "--timestamp --wscale 7 --mss 1460",
                "ipt -A FORWARD -m conntrack --ctstate INVALID -j DROP",
            ], expected: .passes),
        Situation(
            name: "divert", sentence: "A rule of the operator's diverts packets that have a transparent socket.",
            router: [
                "ipt -t mangle -N DIVERT", "ipt -t mangle -A DIVERT -j MARK --set-mark 1",
                "ipt -t mangle -A DIVERT -j ACCEPT",
                "ipt -t mangle -A PREROUTING -p tcp -m socket --transparent -j DIVERT",
                "ipt -t mangle -A PREROUTING -p tcp --dport 80 -j TPROXY --on-port 3129 --tproxy-mark 1/1",
                "ipf rule add fwmark 1 lookup 77", "ipf route add local default dev lo table 77",
            ]),
        Situation(
            name: "own-qdisc", sentence: "The operator shapes the client's interface by a qdisc of his own.",
            router: [
                "tc qdisc add dev lan0 root handle 7: htb default 10",
                "tc class add dev lan0 parent 7: classid 7:10 htb rate 200mbit burst 128k cburst 128k",
            ]),
    ]
}
