import Lab
import LinuxSystem
import Testing
import Wire

/// Routers that let little through. Conversion works on each, without a rule by hand.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct StrictRouterTests {
    struct Router: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var tables = ""
        /// Are they in the kind of iptables that Sluice does not use?
        var isElsewhere = false
        /// A shell script in the box.
        var script = ":"
    }

    /// Nothing of the box's own passes but answers, loopback and neighbour discovery.
    static let closed = Router(
        testDescription: "policy DROP on INPUT and OUTPUT",
        tables: """
            *filter
            :INPUT DROP [0:0]
            :OUTPUT DROP [0:0]
            -A INPUT -i lo -j ACCEPT
            -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
            -6 -A INPUT -p ipv6-icmp -j ACCEPT
            -A OUTPUT -o lo -j ACCEPT
            -A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
            -6 -A OUTPUT -p ipv6-icmp -j ACCEPT
            COMMIT
            """)

    /// The raw table has no states yet.
    static let dropsInvalid = Router(
        testDescription: "INVALID dropped everywhere",
        tables: """
            *mangle
            -A PREROUTING -m conntrack --ctstate INVALID -j DROP
            -A INPUT -m conntrack --ctstate INVALID -j DROP
            -A FORWARD -m conntrack --ctstate INVALID -j DROP
            -A OUTPUT -m conntrack --ctstate INVALID -j DROP
            -A POSTROUTING -m conntrack --ctstate INVALID -j DROP
            COMMIT
            *filter
            -A INPUT -m conntrack --ctstate INVALID -j DROP
            -A FORWARD -m conntrack --ctstate INVALID -j DROP
            -A OUTPUT -m conntrack --ctstate INVALID -j DROP
            COMMIT
            """)

    /// Sources have to be where they are routed to, for devices made later, too.
    static let strictSources = Router(
        testDescription: "rp_filter = 1",
        script: "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 >$f; done")

    /// As wg-quick leaves it.
    static let markedSources = Router(
        testDescription: "rp_filter = 1, src_valid_mark = 1",
        script: strictSources.script + "; for f in /proc/sys/net/ipv4/conf/*/src_valid_mark; do echo 1 >$f; done")

    /// The same by a rule, which sees a SYN that comes in by the TUN device, too.
    static let filtersSources = Router(
        testDescription: "rpfilter match in raw PREROUTING",
        tables: "*raw\n-A PREROUTING -m rpfilter --invert -j DROP\nCOMMIT")

    /// firewalld's `fib saddr . mark . iif oif missing drop`, as iptables has it: it comes after our mark. In the same kind
    /// of iptables, our own rules would end the table.
    static let filtersMarkedSources = Router(
        testDescription: "rpfilter match behind Sluice's rules",
        tables: "*mangle\n-A PREROUTING -m rpfilter --validmark --invert -j DROP\nCOMMIT", isElsewhere: true)

    static let routers = [
        closed, dropsInvalid, strictSources, markedSources, filtersSources, filtersMarkedSources,
    ]

    @Test(arguments: IPTables.allCases, routers)
    func converts(_ backend: IPTables, _ router: Router) async throws {
        try await Lab.with { lab in
            try await lab.shell(router.script)
            let operators = router.isElsewhere ? backend.other : backend
            if !router.tables.isEmpty { try await lab.operate(operators, router.tables) }
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            try await lab.serve()
            try await lab.expectConversion(sluice)
            #expect(try await sluice.status().dials.failed == 0)
        }
    }

    /// Private clients: the server sees the router, and would not answer anybody else.
    @Test(arguments: IPTables.allCases)
    func aMasqueradingRouterConverts(_ backend: IPTables) async throws {
        try await Lab.with { lab in
            try await lab.operate(backend, "*nat\n-A POSTROUTING -o wan0 -j MASQUERADE\nCOMMIT")
            try await lab.operate(
                in: .server(0),
                """
                *filter
                -4 -A INPUT ! -s 10.9.0.1 -j REJECT
                -6 -A INPUT -p tcp ! -s fd00:9::1 -j REJECT
                COMMIT
                """)
            let sluice = try await lab.startSluice(configuration: lab.configuration(backend.setting))
            let server = try await lab.serve()
            try await lab.expectConversion(sluice)
            try await lab.wait(for: "the server to finish") { server.statistics.completed == 2 }
            #expect(try await sluice.count("intercept: server answered") == 2)
        }
    }
}
