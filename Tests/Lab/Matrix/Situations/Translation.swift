extension TransparencyMatrix {
    private static let stateful = [
        "ipt -P FORWARD DROP", "ipt -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        "ipt -A FORWARD -i lan+ -o wan+ -p tcp --dport 21 -j ACCEPT",
        "ipt -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp",
    ]
    private static let masquerade = "ipt -t nat -A POSTROUTING -o wan+ -j MASQUERADE"

    private static func fileTransfer(_ name: String, _ sentence: String, _ behaviour: Behaviour, _ more: [String])
        -> Situation
    {
        Situation(
            name: name, sentence: sentence, router: stateful + more, ports: [21], behaviour: behaviour,
            expected: .either)
    }

    /// Addresses and ports that the router changes, or answers for.
    static let translation = [
        Situation(name: "masquerade", sentence: "The router masquerades its clients.", router: [masquerade]),
        Situation(
            name: "masquerade-by-mark", sentence: "It masquerades what a whole mark tells it to.",
            router: [
                "ipt -t mangle -A PREROUTING -i lan+ -j MARK --set-mark 1",
                "ipt -t nat -A POSTROUTING -m mark --mark 1 -j MASQUERADE",
            ]),
        Situation(
            name: "masquerade-random", sentence: "It masquerades with random ports.",
            router: [masquerade + " --random-fully"]),
        Situation(
            name: "source-nat", sentence: "The router translates its clients' addresses to a fixed one (SNAT).",
            router: ["ipt -t nat -A POSTROUTING -o wan0 -j SNAT --to-source $B0"]),
        Situation(
            name: "network-mapping", sentence: "The router maps its clients' prefix to another one (NETMAP, NPTv6).",
            router: [
                "[ $F = 4 ] && to=10.77.0.0/24 || to=fd00:77::/64",
                "ipt -t nat -A POSTROUTING -o wan0 -j NETMAP --to $to",
            ]),
        Situation(
            name: "port-forwarding", sentence: "Connections to the service are forwarded to a server (DNAT).",
            router: ["ipt -t nat -A PREROUTING -i lan+ -p tcp --dport 6000 -j DNAT --to-destination :5000"],
            behaviour: .translated(port: 6000), expected: .passes),
        Situation(
            name: "hairpin", sentence: "Clients reach a server at the router's own address (DNAT and masquerading).",
            router: [
                "[ $F = 4 ] && to=$S:5000 || to=[$S]:5000",
                "ipt -t nat -A PREROUTING -d $B0 -p tcp --dport 8080 -j DNAT --to-destination $to", masquerade,
            ], behaviour: .router(port: 8080, atUplink: true), expected: .passes),
        Situation(
            name: "captive-portal", sentence: "A captive portal takes the clients' connections (REDIRECT).",
            router: ["ipt -t nat -A PREROUTING -i lan+ -p tcp --dport 5000 -j REDIRECT --to-ports 3128"],
            routerPorts: [3128], expected: .passes),
        Situation(
            name: "transparent-proxy",
            sentence: "A proxy of the router's takes the clients' connections (TPROXY), as squid.",
            router: [
                "ipf rule add fwmark 1/1 lookup 77", "ipf route add local default dev lo table 77",
                "ipt -t mangle -A PREROUTING -i lan+ -p tcp --dport 5000 -j TPROXY --on-port 3129 --tproxy-mark 1/1",
            ], routerPorts: [3129], expected: .passes),
        fileTransfer(
            "ftp-passive", "FTP behind a stateful FORWARD, by connection tracking's helper.", FileTransfer.passive, []),
        fileTransfer("ftp-active", "The same in active mode.", FileTransfer.active, []),
        fileTransfer("ftp-passive-masqueraded", "Passive FTP, masqueraded.", FileTransfer.passive, [masquerade]),
        fileTransfer("ftp-active-masqueraded", "Active FTP, masqueraded.", FileTransfer.active, [masquerade]),
        Situation(
            name: "sip-helper", sentence: "SIP over TCP is read by connection tracking's helper.",
            router: ["ipt -t raw -A PREROUTING -p tcp --dport 5060 -j CT --helper sip"], ports: [5060],
            behaviour: .dialogue([("OPTIONS sip:a SIP/2.0", "SIP/2.0 200 OK"), ("", "")]), expected: .either),
        Situation(
            name: "zone", sentence: "The clients' connections are tracked in a zone of their own (CT --zone 1).",
            router: ["ipt -t raw -A PREROUTING -i lan+ -j CT --zone 1"], expected: .either),
        Situation(
            name: "zone-by-direction", sentence: "The same for the client's direction (CT --zone-orig 1).",
            router: ["ipt -t raw -A PREROUTING -i lan+ -j CT --zone-orig 1"], expected: .either),
        Situation(
            name: "untracked-clients", sentence: "What clients send isn't tracked (NOTRACK).",
            router: ["ipt -t raw -A PREROUTING -i lan+ -p tcp -j CT --notrack"], expected: .either),
        Situation(
            name: "untracked-servers", sentence: "What servers send isn't tracked.",
            router: ["ipt -t raw -A PREROUTING -i wan+ -p tcp -j CT --notrack"], expected: .either),
        Situation(
            name: "untracked", sentence: "Nothing is tracked.",
            router: ["ipt -t raw -A PREROUTING -p tcp -j CT --notrack", "ipt -t raw -A OUTPUT -p tcp -j CT --notrack"],
            expected: .either),
        Situation(
            name: "foreign-connection-mark",
            sentence: "Somebody else's connection marks lie in the bits of traffic classes, while a throttle is on.",
            router: ["ipt -t mangle -A PREROUTING -i lan+ -j CONNMARK --set-xmark 0x00010000/0x00ff0000"],
            sluice: """

                [[throttle]]
                name = "slow"
                interface = "lan0"
                download = "1mbit"

                """,
            behaviour: .fetch(500_000), limit: .seconds(8), expected: .either,
            differs: [.time: "A subflow of the MPTCP client's is throttled by intent."]),
    ]
}
