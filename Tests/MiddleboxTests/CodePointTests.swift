import Lab
import Testing
import Wire

/// DSCPs of clients and servers, as the other end's kernel counts them.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(4))) struct CodePointTests {
    /// Packets that came in at a node, by DSCP; SYNs by themselves.
    private func count(_ lab: Lab, _ node: Lab.Node, _ tool: String) async throws -> [String: Int] {
        let lines = try await lab.shell(in: node, "\(tool) -t mangle -nvxL INPUT").split(separator: "\n")
        var counts: [String: Int] = [:]
        for line in lines where line.contains("DSCP match") {
            let words = line.split(separator: " ")
            let value = words.last.map(String.init) ?? ""
            counts[(line.contains("flags:0x17") ? "SYN " : "") + value, default: 0] += Int(words[0]) ?? 0
        }
        return counts
    }

    private func prepare(_ lab: Lab, _ node: Lab.Node, _ tool: String, sends dscp: Int) async throws {
        let rules = [0, 10, 18, 46].flatMap { value in
            [
                "\(tool) -t mangle -A INPUT -p tcp --syn -m dscp --dscp \(value)",
                "\(tool) -t mangle -A INPUT -p tcp ! --syn -m dscp --dscp \(value)",
            ]
        }
        try await lab.shell(in: node, rules.joined(separator: "\n"))
        try await send(lab, node, tool, dscp)
    }

    private func send(_ lab: Lab, _ node: Lab.Node, _ tool: String, _ dscp: Int) async throws {
        try await lab.shell(
            in: node,
            "\(tool) -t mangle -F OUTPUT; \(tool) -t mangle -A OUTPUT -p tcp -j DSCP --set-dscp \(dscp)")
    }

    @Test(
        "both ends' DSCPs reach the other end, also when they change", arguments: IPFamily.allCases,
        ["faithful", "split"])
    func copied(_ family: IPFamily, _ connect: String) async throws {
        try await Lab.with { lab in
            let tool = family == .v4 ? "iptables" : "ip6tables"
            try await prepare(lab, .client(0), tool, sends: 46)
            try await prepare(lab, .server(0), tool, sends: 18)
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["intercept": "connect = \"\(connect)\""]))
            try await lab.serve()
            let plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000, family), .mptcp)
            let conversation = try await lab.converse(plan)
            try await conversation.bounce(100_000)
            #expect(try await sluice.connections().count == 1)
            var atServer = try await count(lab, .server(0), tool)
            #expect(atServer["SYN 0x2e"] == 1 && atServer["SYN 0x00"] == 0, "\(atServer)")
            #expect((atServer["0x2e"] ?? 0) > 0 && atServer["0x00"] == 0, "\(atServer)")
            // Towards clients, MPTCP sockets take none for IPv6.
            let atClient = try await count(lab, .client(0), tool)
            if family == .v4 {
                #expect((atClient["0x12"] ?? 0) > 0, "\(atClient)")
            } else {
                #expect(atClient["0x12"] == 0, "\(atClient)")
            }
            for (client, server) in [(10, 46), (0, 0)] {
                try await send(lab, .client(0), tool, client)
                try await send(lab, .server(0), tool, server)
                let names = [client, server].map { "0x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }
                let before = (try await count(lab, .server(0), tool), try await count(lab, .client(0), tool))
                try await lab.wait(for: "the new ones to arrive", within: .seconds(30)) {
                    try await conversation.bounce(10_000)
                    let server = try await count(lab, .server(0), tool)[names[0]] ?? 0
                    let client = try await count(lab, .client(0), tool)[names[1]] ?? 0
                    return server > before.0[names[0]] ?? 0 && (client > before.1[names[1]] ?? 0 || family == .v6)
                }
                // And from then on no others.
                try await conversation.bounce(1)
                atServer = try await count(lab, .server(0), tool)
                try await conversation.bounce(100_000)
                let after = try await count(lab, .server(0), tool)
                for (name, packets) in after where name != names[0] { #expect(packets == atServer[name], "\(name)") }
            }
            try await conversation.end()
            try await lab.waitUntilIdle(sluice)
        }
    }

    @Test("with dscp = false nothing is copied, and nothing queued for it")
    func notCopied() async throws {
        try await Lab.with { lab in
            try await prepare(lab, .client(0), "iptables", sends: 46)
            try await prepare(lab, .server(0), "iptables", sends: 18)
            let sluice = try await lab.startSluice(configuration: lab.configuration(["relay": "dscp = false"]))
            try await lab.serve()
            #expect(try await lab.fetch(lab.plan(.echo, 200_000)).failures == [:])
            #expect(try await count(lab, .server(0), "iptables")["0x2e"] == 0)
            #expect(try await count(lab, .client(0), "iptables")["0x12"] == 0)
            #expect(try await !lab.shell("iptables-save -t mangle").contains("dscp"))
            try await lab.waitUntilIdle(sluice)
        }
    }
}
