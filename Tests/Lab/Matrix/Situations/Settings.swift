extension TransparencyMatrix {
    /// How the router's own kernel is set, which forwarding mostly doesn't heed.
    static let settings = [
        Situation(
            name: "cookies-always", sentence: "The router answers each SYN with a SYN cookie (tcp_syncookies = 2).",
            router: ["sysctl -qw net.ipv4.tcp_syncookies=2"], behaviour: .connections(3)),
        Situation(
            name: "router-without-timestamps", sentence: "The router's TCP has no timestamps.",
            router: ["sysctl -qw net.ipv4.tcp_timestamps=0"],
            differs: [.options: "The router's own TCP chooses the options of its SYN."]),
        Situation(
            name: "small-buffers", sentence: "The router's sockets have small buffers.",
            router: [
                "sysctl -qw net.ipv4.tcp_rmem='4096 16384 32768'", "sysctl -qw net.ipv4.tcp_wmem='4096 16384 32768'",
            ], behaviour: .exchange(4, of: 500_000)),
        Situation(
            name: "reserved-ports", sentence: "The router's programs may use few ports, none of those of Sluice's.",
            router: [
                "sysctl -qw net.ipv4.ip_local_port_range='50000 50010'",
                "sysctl -qw net.ipv4.ip_local_reserved_ports=4096-32767",
            ], behaviour: .together(20)),
        Situation(
            name: "no-offloads", sentence: "The router's interfaces merge and split no segments.",
            needs: "ethtool --version",
            router: [
                "for device in lan0 lan1 wan0 wan1; do ethtool -K $device gro off gso off tso off; done"
            ], behaviour: .exchange(4, of: 500_000)),
        Situation(
            name: "route-with-mtu", sentence: "The router's route to the server has an MTU of its own, 1300.",
            router: ["ipf route replace default via $G0 dev wan0 mtu 1300"], behaviour: .exchange(4, of: 100_000),
            differs: [.mss: "The router's own TCP heeds the MTU of its route."]),
        Situation(
            name: "spoofed-sources-dropped",
            sentence: "The router drops what comes from clients' addresses by other interfaces than theirs.",
            router: [
                "ipt -t raw -A PREROUTING ! -i lan+ -s $LAN -j DROP", "ipt -A INPUT ! -i lan+ -s $LAN -j DROP",
                "ipt -A FORWARD ! -i lan+ -s $LAN -j DROP",
            ]),
        Situation(
            name: "logged", sentence: "The router logs the packets that it forwards, and accounts for connections.",
            router: [
                "ipt -I FORWARD -j NFLOG --nflog-group 5", "ipt -t mangle -I PREROUTING -j NFLOG --nflog-group 6",
                "sysctl -qw net.netfilter.nf_conntrack_acct=1",
            ]),
    ]
}
