import Glibc
import Lab
import LinuxSystem
import Testing
import Wire

/// Servers that are far away, or behind something that dislikes MPTCP, and what the first dial to one costs it.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct ServerDialTests {
    /// A firewall that drops SYNs with MPTCP's option: a second SYN has none. The client keeps its trust in MPTCP.
    @Test(arguments: IPFamily.allCases)
    func aServerThatDropsTheQuestionIsConverted(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            try await lab.tables(in: .server(0), "-A INPUT -p tcp --syn --tcp-option 30 -j DROP")
            for _ in 1...3 { #expect(try await lab.fetch(lab.plan(.echo, 1000, family)).failures == [:]) }
            #expect(try await sluice.decisions() == ["intercept: server answered": 3])
            let tool = family == .v4 ? "iptables" : "ip6tables"
            let dropped = try await lab.shell(in: .server(0), "\(tool) -nvxL INPUT | awk '/DROP/ && /tcp/ {print $1}'")
            #expect(dropped == "1\n", "asked once, and remembered")
            let counters = try lab.counters(in: .client(0))
            #expect(counters["MPTcpExtBlackhole"] == 0)
            #expect(counters["MPTcpExtMPCapableSYNTXDrop"] ?? 0 == 0)
            try await lab.wait(for: "the server to finish") { server.statistics.completed == 3 }
            #expect(server.statistics.accepted == 3)
        }
    }

    /// An answer that takes longer than a server is waited for that nobody knows: its first client does without, the next
    /// ones don't.
    @Test(arguments: IPFamily.allCases)
    func aFarServerIsConverted(_ family: IPFamily) async throws {
        try await Lab.with(LabConfiguration(servers: [.init(delay: .milliseconds(600))])) { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            #expect(try await lab.fetch(lab.plan(.echo, 1000, family)).failures == [:])
            #expect(try await sluice.count("pass: server silent") == 1)
            for count in 1...3 {
                #expect(try await lab.fetch(lab.plan(.echo, 1000, family)).failures == [:])
                #expect(try await sluice.count("intercept: server answered") == UInt64(count))
            }
            #expect(try await sluice.count("pass: server silent") == 1)
            #expect(try lab.counters(in: .client(0))["MPTcpExtBlackhole"] == 0)
            // What was dialled and not needed is not accepted.
            try await lab.waitUntilIdle(sluice)
            #expect(server.statistics.accepted == 4)
        }
    }

    /// Its answer comes while the SYN is held.
    @Test(arguments: IPFamily.allCases)
    func aServerSomeWayOffIsConvertedFromTheFirst(_ family: IPFamily) async throws {
        try await Lab.with(LabConfiguration(servers: [.init(delay: .milliseconds(200))])) { lab in
            let sluice = try await lab.startSluice()
            let server = try await lab.serve()
            for _ in 1...2 { #expect(try await lab.fetch(lab.plan(.echo, 1000, family)).failures == [:]) }
            #expect(try await sluice.decisions() == ["intercept: server answered": 2])
            try await lab.waitUntilIdle(sluice)
            #expect(server.statistics.accepted == 2, "the second dial is reset before it is accepted")
            let left = try await lab.sockets(in: .server(0), ["-t", "state", "syn-recv"])
            #expect(left == [])
        }
    }

    /// A server that takes one connection and no other must not lose it to the question whether it speaks MPTCP.
    @Test(arguments: IPFamily.allCases)
    func askingCostsAServerNoConnection(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await HandSocket.listen(lab, port: 5000, family, .mptcp)
            let source = lab.endpoint(.client(0), port: 40_000, family)
            let client = try await HandSocket.connect(
                lab, from: source, to: lab.endpoint(.server(0), port: 5000, family))
            #expect(try await sluice.decisions() == ["pass: server speaks MPTCP": 1])
            let (connection, seen) = try #require(try server.accept())
            #expect(seen == source)
            #expect(try server.accept(within: .milliseconds(500)) == nil)
            #expect(!connection.isEnded(within: .zero))
            #expect(try await lab.sockets(in: .server(0), ["-t", "state", "syn-recv"]) == [])
            _ = client
        }
    }

    /// Nor to a port that can't be had for its client.
    @Test(arguments: IPFamily.allCases, [false, true])
    func anOccupiedPortCostsAServerNoConnection(_ family: IPFamily, wasFree: Bool) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let server = try await HandSocket.listen(lab, port: 5000, family)
            let target = lab.endpoint(.server(0), port: 5000, family)
            if wasFree {
                let first = try await HandSocket.connect(
                    lab, from: lab.endpoint(.client(0), port: 39_999, family), to: target)
                let accepted = try #require(try server.accept())
                _ = (first, accepted)
                try await lab.wait(for: "the listener to be gone") { try await sluice.status().listeners == 0 }
            }
            let dials = try await sluice.status().dials.started
            let service = try await HandSocket.listen(lab, in: .box, port: 5000, family)
            let source = lab.endpoint(.client(0), port: 40_000, family)
            let client = try await HandSocket.connect(lab, from: source, to: target)
            #expect(try await sluice.count("pass: port occupied") == 1)
            #expect(try await sluice.status().dials.started - dials == (wasFree ? 1 : 0))
            let (connection, seen) = try #require(try server.accept())
            #expect(seen == source)
            // The kernel puts off the handshake's last segment for 200 ms.
            #expect(try server.accept(within: .milliseconds(500)) == nil)
            _ = (client, connection, service)
        }
    }

    /// A server that speaks first is heard at once.
    @Test(arguments: IPFamily.allCases)
    func theServerAcceptsWhenItsClientHasConnected(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            _ = try await lab.startSluice()
            let server = try await HandSocket.listen(lab, port: 5000, family)
            let client = try await HandSocket.connect(
                lab, from: lab.endpoint(.client(0), port: 40_000, family),
                to: lab.endpoint(.server(0), port: 5000, family))
            let (connection, _) = try #require(try server.accept())
            _ = try await lab.inside(.server(0)) { Glibc.send(connection.descriptor, "hello", 5, 0) }
            #expect(client.isEnded(), "there is something to read")
        }
    }

    /// Without descriptors a SYN goes on at once, and says why.
    @Test func descriptorsThatAreUsedUpDelayNobody() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            #expect(try await lab.fetch(lab.plan(.download, 1000)).failures == [:])
            try await lab.waitUntilIdle(sluice)
            // The number that the next one would have.
            try await lab.shell(
                "cd /proc/\(sluice.process.pid)/fd; n=0; while [ -e $n ]; do n=$((n + 1)); done; "
                    + "prlimit --pid \(sluice.process.pid) --nofile=$n:")
            #expect(try await lab.fetch(lab.plan(.download, 1000)).failures == [:])
            try await lab.shell("prlimit --pid \(sluice.process.pid) --nofile=1024:")
            let decisions = try await sluice.decisions()
            #expect(decisions == ["intercept: server answered": 1, "pass: no room": 1])
            #expect(try await lab.fetch(lab.plan(.download, 1000)).failures == [:])
            #expect(try await sluice.count("intercept: server answered") == 2)
        }
    }
}
