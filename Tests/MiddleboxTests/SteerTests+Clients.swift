import Admin
import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

extension SteerTests {
    /// Two clients with two links each, and a path of all first links, in which each has its volume.
    private static let clients = LabConfiguration(clients: [
        .init(links: [.init(name: "fast", rate: .mbit(90)), .init(name: "slow", rate: .mbit(30))]),
        .init(links: [.init(rate: .mbit(90)), .init(rate: .mbit(30))]),
    ])

    private func volumes(_ lab: Lab) -> String {
        let prefixes = { (link: Int) in
            let addresses = [Lab.Node.client(0), .client(1)].flatMap { client in
                IPFamily.allCases.map { "\"\(lab.address(client, link: link, $0))\"" }
            }
            return addresses.joined(separator: ", ")
        }
        return lab.sluiceDefaults + """

            [advanced]
            state_directory = "\(lab.directory)/state"
            [[path]]
            name = "wired"
            clients = [\(prefixes(0))]
            client_cap = "2MB/month"
            [[path]]
            name = "mobile"
            clients = [\(prefixes(1))]

            """ + Self.rule("mode = \"active-standby\"\nactive = \"wired\"\nstandby = \"mobile\"")
    }

    /// Which of a client's links its subflows are backups on, as soon as it has two.
    private func backups(of client: Lab.Node, _ lab: Lab, _ sluice: SluiceDaemon, _ family: IPFamily) async throws
        -> [Int]?
    {
        let subflows = try await sluice.connections().flatMap(\.subflows).filter { $0.state == "established" }
        let found = (0..<2).compactMap { link -> (Int, Bool)? in
            let address = lab.address(client, link: link, family)
            let subflow = subflows.first { Endpoint($0.remote)?.address == address }
            return subflow.map { (link, $0.backup) }
        }
        return found.count == 2 ? found.filter(\.1).map(\.0) : nil
    }

    @Test(
        "a client that has used up its volume on a path leaves it, others don't, also after SIGKILL",
        arguments: IPFamily.allCases)
    func aClientLeavesItsPath(family: IPFamily) async throws {
        try await Lab.with(Self.clients) { lab in
            let text = volumes(lab)
            let sluice = try await lab.startSluice(configuration: text)
            try await lab.serve()
            // There and back. It stays open, since no subflow joins one that ends.
            var long = plan(lab, 3_000_000, family)
            long.operation = .echo
            long.hold = .seconds(20)
            var short = long
            short.length = 150_000...150_000
            let transfers = [(Lab.Node.client(0), long), (.client(1), short)].map { client, plan in
                Task { try? await lab.fetch(in: client, plan) }
            }
            defer { for transfer in transfers { transfer.cancel() } }
            try await lab.wait(for: "the client to leave the path") {
                try await backups(of: .client(0), lab, sluice, family) == [0]
            }
            try await lab.wait(for: "the other one to stay") {
                try await backups(of: .client(1), lab, sluice, family) == [1]
            }
            let client = family == .v4 ? "10.1.0.2" : "fd00:1::/64"
            let paths = try await sluice.paths()
            let cap = try #require(paths.paths[0].clientCap)
            #expect(cap.bytes == 2_000_000 && cap.period == "month" && cap.clients == 2 && cap.spent == 1)
            #expect(cap.largest.first?.client == client && cap.largest.map(\.spent) == [true, false])
            // Its alarms come in time: not half of what it wanted went on by the path.
            #expect((2_000_000..<4_000_000).contains(cap.largest[0].used))
            #expect(paths.paths[1].clientCap == nil)
            // The path is as fit as before.
            #expect(paths.paths.map(\.state) == ["fit", "fit"])
            #expect(paths.paths.map { $0.uses.map(\.use) } == [["active"], ["standby"]])
            let decision = try #require(paths.decisions.last)
            #expect(decision.effect == "spent" && decision.path == "wired" && decision.rule == "rule")
            #expect(decision.reason == "\(client) has used up its volume for this month")
            let words = try await sluice.command("paths").output
            #expect(words.contains("1 of 2 clients have used up 2.0M this month"))
            let values = try await lab.scrape(sluice).values
            #expect(values["sluice_path_clients_spent{path=\"wired\"}"] == 1)
            #expect(values["sluice_path_clients_spent{path=\"mobile\"}"] == nil)
            #expect(values["sluice_path_uncounted_bytes_total{path=\"wired\"}"] == 0)
            try await lab.wait(for: "the file", within: .seconds(20)) {
                let file = try? String(contentsOfFile: lab.directory + "/state/volumes.json", encoding: .utf8)
                return file?.replacing("\\/", with: "/").contains("\"\(client)\"") == true
            }
            try await sluice.kill()
            let next = try await lab.startSluice(configuration: text)
            #expect(try await next.paths().paths[0].clientCap?.spent == 1)
            let again = Task { try? await lab.fetch(in: .client(0), short) }
            defer { again.cancel() }
            try await lab.wait(for: "its next connection to leave the path") {
                try await backups(of: .client(0), lab, next, family) == [0]
            }
            // A larger volume gives the path back, at once and to running connections.
            try await lab.reload(next, text.replacing("2MB/month", with: "2GB/month"))
            try await lab.wait(for: "its connection to take the path again") {
                try await backups(of: .client(0), lab, next, family) == [1]
            }
            #expect(try await next.paths().paths[0].clientCap?.spent == 0)
        }
    }

    @Test("a state directory that can't be written to is told of, and costs nothing else") func noStateDirectory()
        async throws
    {
        try await Lab.with(Self.network(wanted: .mbit(200))) { lab in
            let text =
                lab.sluiceDefaults + """

                    [advanced]
                    state_directory = "/proc/nowhere"
                    [[path]]
                    name = "wired"
                    interface = "fast"
                    cap = "3GB/month"

                    """
            let sluice = try await lab.startSluice(configuration: text)
            try await lab.serve()
            #expect(try await lab.fetch(plan(lab, 1_000_000)).failures == [:])
            try await lab.wait(for: "the error", within: .seconds(20)) {
                sluice.log.contains(
                    "/proc/nowhere/volumes.json can't be written, so that caps begin anew with a restart")
            }
            #expect(sluice.log.contains("set [advanced] state_directory to a folder that can be"))
            #expect(try await sluice.status().state == "running")
            #expect(try await lab.fetch(plan(lab, 1_000_000)).failures == [:])
            try await lab.wait(for: "its volume to be counted") {
                try await sluice.paths().paths[0].cap?.used ?? 0 > 1_000_000
            }
            #expect(try await sluice.stop().isSuccess)
        }
    }
}
