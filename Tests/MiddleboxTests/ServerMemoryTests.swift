import Lab
import LinuxSystem
import Testing
import Wire

/// What a dial has taught about a server counts for the next ones, until it is too old.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct ServerMemoryTests {
    /// An unknown server is asked whether it speaks MPTCP, with checksums that hold; a known one isn't. Its other port is
    /// another server.
    @Test(arguments: IPFamily.allCases)
    func theFirstDialAsks(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            _ = try await lab.startSluice()
            let recording = try await lab.record(in: .box, interface: "wan0")
            for port in [5000, 5000, 5001] as [UInt16] {
                let server = try await lab.serve(port: port)
                var plan = lab.plan(.download, 1000, family)
                plan.to = lab.endpoint(.server(0), port: port, family)
                #expect(try await lab.fetch(plan).failures == [:])
                try await lab.wait(for: "the server to finish") { server.statistics.active == 0 }
                server.stop()
            }
            let fields = ["tcp.dstport", "tcp.options.mptcp.subtype", "tcp.checksum.status", "ip.checksum.status"]
            let shown = try await lab.run(
                in: .box,
                [
                    "tshark", "-r", try await recording.stop(), "-Y", "tcp.flags.syn == 1 && tcp.flags.ack == 0", "-T",
                    "fields",
                ]
                    + ["tcp", "ip"].flatMap { ["-o", "\($0).check_checksum:TRUE"] } + fields.flatMap { ["-e", $0] })
            let asked = "0\t1\t\(family == .v4 ? "1" : "")"
            let lines = shown.output.split(separator: "\n").map(String.init)
            try #require(lines.count == 3)
            #expect(lines[0] == "5000\t\(asked)")
            #expect(lines[1].hasPrefix("5000\t\t"))
            #expect(lines[2] == "5001\t\(asked)")
        }
    }

    /// In both directions, at the latest when the memory of what it was is over.
    @Test(arguments: IPFamily.allCases)
    func aServerThatChangesIsNoticed(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice(
                configuration: lab.configuration(["advanced": "server_memory = \"1s\""]))
            for (transport, decision) in [
                (PeerProtocol.tcp, "intercept: server answered"), (.mptcp, "pass: server speaks MPTCP"),
                (.tcp, "intercept: server answered"),
            ] {
                // A former listener that spoke MPTCP takes a moment to go.
                var successor: PeerServer?
                try await lab.wait(for: "the port to be free") {
                    successor = try? await lab.serve(transport)
                    return successor != nil
                }
                let server = try #require(successor)
                let before = try await sluice.count(decision)
                try await lab.wait(for: "\(decision)") {
                    #expect(try await lab.fetch(lab.plan(.download, 1000, family)).failures == [:])
                    return try await sluice.count(decision) > before
                }
                try await lab.wait(for: "the server to finish") { server.statistics.active == 0 }
                server.stop()
            }
        }
    }
}
