// Integration tests: the real programs, the real kernel, a network of namespaces (Tests/Lab/Lab.swift draws it).
//
//     client ── lan0, lan1 … ── box with sluice ── wan0 … ── server
//
// The lab needs root. What is asserted never depends on how fast the machine is.

import Admin
import Foundation
import Lab
import LinuxSystem
import Testing
import Wire

let isRoot = geteuid() == 0
let needsRoot: Comment = "network namespaces need root"

extension SluiceDaemon {
    func decoded<Report: Decodable>(_ subcommand: String) async throws -> Report { try await decoded([subcommand]) }

    func decoded<Report: Decodable>(_ words: [String]) async throws -> Report {
        let result = try await command(words + ["--json"])
        guard result.status.isSuccess else { throw Unexpected(result.errors) }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Report.self, from: Data(result.output.utf8))
    }

    func status() async throws -> StatusReport { try await decoded("status") }

    func connections() async throws -> [ConnectionReport] { try await decoded("connections") }

    /// How often a decision about a SYN has been made.
    func count(_ decision: String) async throws -> UInt64 { try await status().decisions[decision] ?? 0 }

    var log: String { process.errors }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension Lab {
    /// Sluice's minimal configuration for this lab with more under its tables, e.g. `["intercept": "connect = \"split\""]`.
    func configuration(_ more: [String: String]) -> String {
        let intercept = sluiceDefaults + "\n" + (more["intercept"] ?? "")
        let others = more.filter { $0.key != "intercept" }.map { "[\($0.key)]\n\($0.value)" }
        return ([intercept] + others).joined(separator: "\n")
    }

    /// Entries of the box's connection tracking. Listing them, unlike their count, leaves out those whose time is over.
    func conntrackEntries() async throws -> Int {
        var entries = 0
        for family in ["ipv4", "ipv6"] {
            entries += try await run(in: .box, ["conntrack", "-L", "-f", family]).output.split(separator: "\n").count
        }
        return entries
    }

    /// Open descriptors of a process in this lab.
    func descriptors(of daemon: SluiceDaemon) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(daemon.process.pid)/fd").count
    }

    /// Waits until every connection has ended and nothing is held.
    func waitUntilIdle(_ daemon: SluiceDaemon) async throws {
        try await wait(for: "all connections to end", within: .seconds(20)) {
            let status = try await daemon.status()
            return status.connections.open == 0 && status.connections.pending == 0 && status.packets.held == 0
        }
    }

    /// A plan for MPTCP clients of the peer server on port 5000.
    func plan(
        _ operation: PeerRequest.Operation = .download, _ length: UInt64, _ family: IPFamily = .v4,
        transport: PeerProtocol = .mptcp, server: Int = 0
    ) -> FetchPlan {
        var plan = FetchPlan(to: endpoint(.server(server), port: 5000, family), transport)
        plan.operation = operation
        plan.length = length...length
        return plan
    }

    /// Bytes that each of a client's links has carried, both ways.
    func carried(_ client: Int = 0) throws -> [UInt64] {
        let counters = try interfaces(in: .client(client))
        return links(of: .client(client)).map { link in
            counters[link.nodeInterface].map { $0.receivedBytes + $0.sentBytes } ?? 0
        }
    }
}
