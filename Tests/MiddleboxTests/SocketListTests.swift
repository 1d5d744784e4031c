import Admin
import Lab
import LinuxSystem
import Testing
import Wire

/// `sluice connections` beside `ss -Mtni`.
@Suite(.serialized, .enabled(if: isRoot, needsRoot)) struct SocketListTests {
    /// A subflow as ss shows it, or as we do.
    private struct Row: Hashable, Comparable {
        var local = ""
        var remote = ""
        var token = ""
        var ids = ""
        var isBackup = false
        var bytesAcknowledged = ""
        var bytesReceived = ""
        var bytesRetransmitted = ""
        var roundTrip = ""

        static func < (left: Row, right: Row) -> Bool { left.remote < right.remote }
    }

    @Test(arguments: IPFamily.allCases)
    func everySubflowAsTheKernelHasIt(_ family: IPFamily) async throws {
        let configuration = LabConfiguration(clients: [.init(links: [.init(), .init(), .init()])])
        try await Lab.with(configuration) { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            // The third link's endpoint is a backup.
            let link = lab.links(of: .client(0))[2]
            let endpoint = ["ip", "mptcp", "endpoint"]
            let address = lab.address(.client(0), link: 2, family).description
            try await lab.run(in: .client(0), endpoint + ["flush"])
            let second = lab.address(.client(0), link: 1, family).description
            try await lab.run(in: .client(0), endpoint + ["add", second, "id", "7", "subflow"])
            try await lab.run(
                in: .client(0), endpoint + ["add", address, "dev", link.nodeInterface, "id", "8", "subflow", "backup"])
            var plan = lab.plan(.upload, 300_000, family)
            plan.hold = .seconds(4)
            let held = plan
            async let report = lab.fetch(held)
            try await lab.wait(for: "three subflows") {
                let connections = try await sluice.connections()
                return connections.first?.subflows.count == 3 && connections.first!.bytesToServer > 300_000
            }
            // Not the connection to the server, which was dialled with MPTCP and has fallen back.
            let clients = ["-tiO", "state", "established", "sport", "5000"]
            // What ss says a moment before and after must be the same, lest something was still on its way.
            try await lab.wait(for: "the same from ss and from sluice") {
                let before = try await Self.rows(lab.sockets(in: .box, clients))
                let ours = try await Self.rows(sluice.connections())
                let after = try await Self.rows(lab.sockets(in: .box, clients))
                guard before == after, ours.count == 3 else { return false }
                #expect(ours == after)
                return true
            }
            _ = try await report
        }
    }

    private static func rows(_ connections: [ConnectionReport]) -> [Row] {
        connections.flatMap { connection in
            connection.subflows.filter { $0.state == "established" }.map { subflow in
                Row(
                    local: subflow.local, remote: subflow.remote,
                    token: connection.token.map { String(UInt32($0.dropFirst(2), radix: 16)!, radix: 16) } ?? "",
                    ids: "\(subflow.remoteId ?? 255) \(subflow.localId ?? 255)", isBackup: subflow.backup,
                    bytesAcknowledged: "\(subflow.bytesToClient)", bytesReceived: "\(subflow.bytesToServer)",
                    bytesRetransmitted: "\(subflow.bytesRetrans)", roundTrip: "\(subflow.rttUs ?? 0)")
            }
        }.sorted()
    }

    /// `0 0 LOCAL REMOTE … rtt:0.05/0.02 … bytes_acked:1 … tcp-ulp-mptcp flags:Jec token:REM(id:0)/LOC(id:0) …`
    private static func rows(_ lines: [String]) -> [Row] {
        lines.filter { $0.contains("tcp-ulp-mptcp") }.map { line -> Row in
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            let value = { (name: String) in
                words.first { $0.hasPrefix(name + ":") }.map { String($0.dropFirst(name.count + 1)) }
            }
            let tokens = (value("token") ?? "").split { "(/)".contains($0) }.map(String.init)
            let milliseconds = (value("rtt") ?? "").split(separator: "/").first.flatMap { Double($0) } ?? 0
            return Row(
                local: words[2], remote: words[3], token: tokens[2],
                ids: [tokens[1], tokens[3]].map { String($0.dropFirst(3)) }.joined(separator: " "),
                isBackup: (value("flags") ?? "").contains { "bB".contains($0) },
                bytesAcknowledged: value("bytes_acked") ?? "0", bytesReceived: value("bytes_received") ?? "0",
                bytesRetransmitted: value("bytes_retrans") ?? "0",
                roundTrip: "\(Int((milliseconds * 1000).rounded()))")
        }.sorted()
    }
}
