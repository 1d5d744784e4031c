extension TransparencyMatrix {
    private static let far = LabConfiguration.Link(delay: .milliseconds(300))
    private static let narrow = LabConfiguration.Link(mtu: 1280)
    private static let plain = LabConfiguration.Link()

    /// What router and path do to segments.
    static let path = [
        Situation(
            name: "mss-clamped", sentence: "mangle FORWARD sets the MSS of SYNs to 1200.",
            router: ["ipt -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200"]),
        Situation(
            name: "mss-clamped-in-postrouting", sentence: "mangle POSTROUTING sets the MSS of SYNs to 1200.",
            router: ["ipt -t mangle -A POSTROUTING -o wan+ -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200"]),
        Situation(
            name: "mss-clamped-to-path",
            sentence: "The uplink has MTU 1492, as with PPPoE, and the MSS is clamped to it.",
            router: [
                "ip link set wan0 mtu 1492",
                "ipt -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
            ], behaviour: .exchange(4, of: 100_000)),
        Situation(
            name: "narrow-path", sentence: "A hop behind the router has MTU 1280, and says so.",
            uplinks: [narrow, plain],
            behaviour: .exchange(4, of: 100_000)),
        Situation(
            name: "narrow-path-without-icmp",
            sentence: "A hop behind the router has MTU 1280 and drops ICMP; the router clamps the MSS.",
            uplinks: [narrow, plain],
            router: ["ipt -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200"],
            hop: ["ipt -A OUTPUT -p $ICMP $TOOBIG -j DROP"], behaviour: .exchange(4, of: 100_000)),
        Situation(
            name: "narrow-access", sentence: "A hop between client and router has MTU 1280, and says so.",
            links: [narrow, plain], behaviour: .exchange(4, of: 100_000)),
        Situation(
            name: "narrow-access-without-icmp",
            sentence: "A hop between client and router has MTU 1280 and drops ICMP; the router clamps the MSS.",
            links: [narrow],
            router: ["ipt -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200"],
            hop: ["ipt -A OUTPUT -p $ICMP $TOOBIG -j DROP"], behaviour: .exchange(4, of: 100_000)),
        Situation(
            name: "jumbo-frames", sentence: "The LAN has MTU 9000, the uplink 1500.",
            router: ["ip link set lan0 mtu 9000", "ip link set lan1 mtu 9000"],
            client: ["ip link set lan0 mtu 9000", "ip link set lan1 mtu 9000"], behaviour: .exchange(4, of: 100_000),
            differs: [.mss: "The client's connection ends at the router, whose own MTU counts."]),
        Situation(
            name: "dscp-in-prerouting", sentence: "The router marks its clients' packets in mangle PREROUTING.",
            router: ["ipt -t mangle -A PREROUTING -i lan+ -j DSCP --set-dscp 10"]),
        Situation(
            name: "dscp-in-forward", sentence: "The router marks them in mangle FORWARD.",
            router: ["ipt -t mangle -A FORWARD -i lan+ -j DSCP --set-dscp 10"],
            differs: [.dscp: "Rules in FORWARD see the SYN alone."]),
        Situation(
            name: "dscp-in-postrouting", sentence: "The router marks them in mangle POSTROUTING.",
            router: ["ipt -t mangle -A POSTROUTING -o wan+ -j DSCP --set-dscp 10"]),
        Situation(
            name: "hop-limit-set", sentence: "The router sets the TTL or hop limit of all that leaves.",
            router: [
                "[ $F = 4 ] && target='TTL --ttl-set' || target='HL --hl-set'",
                "ipt -t mangle -A POSTROUTING -o wan+ -p tcp -j $target 65",
            ], alsoEqual: [.hopLimit]),
        Situation(
            name: "far-server", sentence: "The round trip to the server takes 600 ms.", uplinks: [far, plain],
            behaviour: .connections(3), limit: .seconds(10),
            differs: [
                .resets: "Of two attempts to connect, the second of which came before the first answer, one is reset."
            ]),
        Situation(
            name: "far-client", sentence: "The round trip to the client takes 600 ms.", links: [far],
            behaviour: .fetch(20_000),
            limit: .seconds(10)),
        Situation(
            name: "lossy-path", sentence: "One packet in fifty is lost behind the router.",
            uplinks: [.init(loss: 0.02), plain], behaviour: .exchange(10, of: 50_000), limit: .seconds(10),
            byChance: [.time, .repeatedSYNs]),
        Situation(
            name: "multipath-option-dropped", sentence: "A firewall before the server drops SYNs with MPTCP's option.",
            server: ["ipt -A INPUT -p tcp --syn --tcp-option 30 -j DROP"], behaviour: .connections(3)),
        Situation(
            name: "multipath-option-rejected", sentence: "A firewall before the server resets them.",
            server: ["ipt -A INPUT -p tcp --syn --tcp-option 30 -j REJECT --reject-with tcp-reset"],
            behaviour: .connections(3)),
        Situation(
            name: "multipath-option-stripped", sentence: "Something before the server strips the option off SYNs.",
            server: ["ipt -t mangle -A PREROUTING -p tcp --syn -j TCPOPTSTRIP --strip-options 30"]),
        Situation(
            name: "multipath-option-stripped-at-client", sentence: "Something between client and router strips it.",
            client: ["ipt -t mangle -A OUTPUT -p tcp --syn -j TCPOPTSTRIP --strip-options 30"], expected: .passes),
        Situation(
            name: "multipath-answer-stripped", sentence: "Something between client and router strips it off SYN-ACKs.",
            client: [
                "ipt -t mangle -A PREROUTING -p tcp --syn -j TCPOPTSTRIP --strip-options 30",
                "ipt -t mangle -A PREROUTING -p tcp --tcp-flags SYN,ACK SYN,ACK -j TCPOPTSTRIP --strip-options 30",
            ],
            expected: .either),
        Situation(
            name: "one-shot-server", sentence: "The server speaks MPTCP and takes one connection.",
            server: ["ipt -A INPUT -p tcp --syn --dport 5000 -m connlimit --connlimit-above 1 -j DROP"],
            transport: .mptcp, expected: .passes, differs: [.resets: question], byChance: [.time, .repeatedSYNs]),
    ]
}
