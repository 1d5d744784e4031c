import Lab
import Testing
import Wire

/// The two kinds of iptables, each with rules of its own in the kernel.
enum IPTables: String, CaseIterable {
    case nft, legacy

    var other: IPTables { self == .nft ? .legacy : .nft }

    /// Sluice's setting for it.
    var setting: [String: String] { ["advanced": "iptables = \"\(rawValue)\""] }
}

extension Lab {
    /// Runs a shell script in a node; what it prints. Throws unless it succeeds.
    @discardableResult
    func shell(in node: Node = .box, _ script: String) async throws -> String {
        let result = try await run(in: node, ["sh", "-ec", script])
        guard result.status.isSuccess else { throw Unexpected("\(script)\n\(result.errors)") }
        return result.output
    }

    /// Puts rules into a node as the operator would. `tables` is what iptables-restore reads, for both families; lines
    /// with -4 or -6 are for one.
    func operate(_ backend: IPTables = .nft, in node: Node = .box, _ tables: String) async throws {
        for tool in ["iptables", "ip6tables"] {
            try await shell(in: node, "\(tool)-\(backend)-restore --noflush <<'END'\n\(tables)\nEND")
        }
    }

    /// All of the box's settings that an operator might compare: rules of both backends, routing, sysctls.
    func settings() async throws -> [String] {
        let saves = ["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy"].map { "\($0)-save" }
        let routing = ["-4", "-6"].flatMap { ["ip \($0) rule", "ip \($0) route show table all"] }
        // The first comes by itself as soon as anything loads connection tracking; the others count.
        let sysctl = "sysctl -a 2>/dev/null | grep ^net | grep -Ev 'nf_conntrack_(count|max|buckets|expect_max)'"
        let text = try await shell((saves + routing + [sysctl]).joined(separator: "\n"))
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            // A chain's counters.
            line.hasPrefix(":") ? String(line.prefix { $0 != "[" }) : String(line)
        }
    }

    /// Two subflows on a connection that a client opens, and `bytes` each way, over each family at the same time.
    func expectConversion(_ sluice: SluiceDaemon, bytes: UInt64 = 200_000, to port: UInt16 = 5000) async throws {
        let before = try await sluice.count("intercept: join")
        async let ipv4 = fetch(lastingPlan(bytes, .v4, port: port))
        async let ipv6 = fetch(lastingPlan(bytes, .v6, port: port))
        // Not necessarily at the same time: on a busy machine one may be over before the other has begun.
        var joined: Set<String> = []
        do {
            try await wait(for: "two subflows on both connections") {
                joined.formUnion(try await sluice.connections().filter { $0.subflows.count == 2 }.compactMap(\.token))
                return joined.count == 2
            }
        } catch {
            let decisions = try await sluice.status().decisions.filter { $0.value > 0 }
            let counters = try counters(in: .client(0)).filter { $0.key.contains("Join") && $0.value > 0 }
            throw Unexpected("\(error); \(decisions); the client's \(counters); \(try await sluice.connections())")
        }
        for report in [try await ipv4, try await ipv6] {
            #expect(report.failures == [:])
            #expect(report.bytes == 2 * bytes)
        }
        #expect(try await sluice.count("intercept: join") == before + 2)
    }

    /// `bytes` there and back, on a connection that then stays a while: no subflow may join one that is ending.
    private func lastingPlan(_ bytes: UInt64, _ family: IPFamily, port: UInt16) -> FetchPlan {
        var plan = FetchPlan(to: endpoint(.server(0), port: port, family), .mptcp)
        plan.operation = .echo
        plan.length = bytes...bytes
        plan.hold = .seconds(2)
        plan.limit = .seconds(20)
        return plan
    }
}
