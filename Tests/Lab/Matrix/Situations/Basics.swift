extension TransparencyMatrix {
    static let question = """
        The question whether the server speaks MPTCP is an attempt of the box's own to connect, which is reset before the \
        server accepts it.
        """

    /// What clients and servers do, on a router that only forwards.
    static let basics = [
        Situation(name: "fetch", sentence: "A client fetches something from a server; the router only forwards."),
        Situation(
            name: "large-download", sentence: "The same with 20 MB.", behaviour: .fetch(20_000_000)),
        Situation(name: "large-upload", sentence: "A client sends 20 MB.", behaviour: .upload(20_000_000)),
        Situation(name: "exchange", sentence: "Requests and answers in turns.", behaviour: .exchange(20, of: 2000)),
        Situation(
            name: "half-close-by-client", sentence: "The client ends its stream and waits for the answer.",
            behaviour: .halfCloseByClient()),
        Situation(
            name: "half-close-by-server", sentence: "The server ends its stream and goes on reading.",
            behaviour: .halfCloseByServer()),
        Situation(
            name: "reset-by-server", sentence: "The server resets the connection in mid stream.",
            behaviour: .resetByServer, endsWell: false),
        Situation(
            name: "reset-by-client", sentence: "The client resets the connection in mid stream.",
            behaviour: .resetByClient, endsWell: false),
        Situation(name: "server-first", sentence: "The server speaks first.", behaviour: .greeting),
        Situation(name: "touch", sentence: "A monitor looks whether the server is there.", behaviour: .touch),
        Situation(
            name: "slow-server", sentence: "The server doesn't read for a while.", behaviour: .slow(client: false)),
        Situation(
            name: "slow-client", sentence: "The client doesn't read for a while.", behaviour: .slow(client: true)),
        Situation(
            name: "closed-port", sentence: "Nobody listens on the server's port.", behaviour: .attempt(port: 5999),
            endsWell: false, expected: .either),
        Situation(
            name: "silent-service", sentence: "The server accepts, and says nothing.", behaviour: .silence,
            limit: .milliseconds(1500), endsWell: false),
        Situation(
            name: "silent-server", sentence: "SYNs are lost before the server, without a word.",
            server: ["ipt -A INPUT -p tcp --dport 5000 -j DROP"], behaviour: .attempt(port: 5000),
            limit: .milliseconds(2500), endsWell: false, expected: .either),
        Situation(
            name: "many-ports", sentence: "A client talks to twenty ports of a server.",
            ports: Array(5000..<5020), behaviour: .ports(Array(5000..<5020))),
        Situation(
            name: "many-connections", sentence: "A client has twenty connections to one port.",
            behaviour: .together(20)),
        Situation(
            name: "multipath-server", sentence: "The server speaks MPTCP itself.", transport: .mptcp,
            behaviour: .connections(2), expected: .passes, differs: [.resets: question]),
        Situation(
            name: "no-timestamps", sentence: "The client's TCP has no timestamps.",
            client: ["sysctl -qw net.ipv4.tcp_timestamps=0"],
            differs: [.options: "The router's own TCP chooses the options of its SYN."]),
        Situation(
            name: "no-window-scaling", sentence: "The client's TCP scales no windows.",
            client: ["sysctl -qw net.ipv4.tcp_window_scaling=0"], behaviour: .upload(2_000_000),
            differs: [.options: "The router's own TCP chooses the options of its SYN."]),
        Situation(
            name: "no-selective-acknowledgements", sentence: "Client and server know no SACK.",
            server: ["sysctl -qw net.ipv4.tcp_sack=0"], client: ["sysctl -qw net.ipv4.tcp_sack=0"],
            behaviour: .exchange(4, of: 100_000),
            differs: [.options: "The router's own TCP chooses the options of its SYN."]),
        Situation(
            name: "data-checksums", sentence: "The client requires MPTCP's data checksums.",
            client: ["sysctl -qw net.mptcp.checksum_enabled=1"], expected: .passes),
        Situation(
            name: "ecn", sentence: "Client and server use ECN.",
            server: ["sysctl -qw net.ipv4.tcp_ecn=1"], client: ["sysctl -qw net.ipv4.tcp_ecn=1"],
            differs: [.ecn: "A socket can't be told to ask for ECN; the router's own tcp_ecn decides."]),
        Situation(
            name: "dscp", sentence: "Client and server mark their segments, as for VoIP.",
            // The client's own kernel takes no traffic class of an MPTCP socket.
            families: [.v4], behaviour: .marked),
        Situation(name: "urgent-data", sentence: "The server sends urgent data.", behaviour: .urgent(1000)),
        Situation(
            name: "urgent-data-in-bulk", sentence: "The same in the middle of bulk.", behaviour: .urgent(500_000)),
    ]

    /// Ports that clients and the router choose for themselves.
    static let ports = [
        Situation(
            name: "reserved-port", sentence: "The client comes from a port below 1024, as NFS and rsh do.",
            ports: [2049], behaviour: .bound(to: 800), expected: .either),
        Situation(
            name: "own-port", sentence: "The client comes from a port among those that the box uses itself.",
            behaviour: .bound(to: 20_000)),
        Situation(
            name: "port-reused-after-reset", sentence: "The client uses a port again, soon after the server's reset.",
            behaviour: .reuse(of: 41_000, afterReset: true)),
        Situation(
            name: "port-reused-after-end", sentence: "The same after the connection's end.",
            behaviour: .reuse(of: 41_001, afterReset: false)),
        Situation(
            name: "service-starts", sentence: "The router's sshd starts while a client is at a server's port 22.",
            ports: [22], behaviour: .service(on: 22)),
        Situation(
            name: "service-before", sentence: "The router's sshd runs already.", ports: [22],
            behaviour: .serviceBefore(on: 22), expected: .either),
        Situation(
            name: "router-itself", sentence: "The client talks to a service of the router's.", routerPorts: [8080],
            behaviour: .router(port: 8080, atUplink: false), expected: .passes),
        Situation(
            name: "router-itself-at-uplink", sentence: "The same at the router's address towards the Internet.",
            routerPorts: [8080], behaviour: .router(port: 8080, atUplink: true), expected: .passes),
        Situation(
            name: "few-descriptors", sentence: "The daemon has hardly a descriptor left.",
            started: ["test -z $SLUICE || prlimit --pid $SLUICE --nofile=$(($(ls /proc/$SLUICE/fd | wc -l) + 6))"],
            behaviour: .together(10), expected: .either),
    ]
}
