import Synchronization
import Wire

/// A lab in which a scenario can be played: its peers run.
public struct Stage: Sendable {
    public let lab: Lab
    public let route: Scenario.Route
    /// Who speaks MPTCP with the client.
    public let peer: Lab.Node
    /// nil when the peers speak end to end.
    public let sluice: SluiceDaemon?
    let client = Lab.Node.client(0)
    private let rest: Duration
    private let server: PeerServer
    private let before = Baseline()

    /// The nodes' counters when the scenario began.
    private final class Baseline: Sendable {
        let counters = Mutex<[Lab.Node: [String: UInt64]]>([:])
    }

    fileprivate init(_ lab: Lab, _ scenario: Scenario, _ route: Scenario.Route, rest: Duration) async throws {
        self.lab = lab
        self.rest = rest
        self.route = route
        switch route {
        case .endToEnd:
            peer = .server(0)
            server = try await lab.serve(scenario.server)
            sluice = nil
        case .throughSluice:
            peer = .box
            server = try await lab.serve()
            sluice = try await lab.startSluice()
        }
    }

    /// Forgets what an earlier play has set: no endpoints, every join allowed.
    func clear() async throws {
        for node in [client, peer] {
            try await lab.mptcp(in: node, ["endpoint", "flush"])
            try await lab.mptcp(in: node, ["limits", "set", "subflows", "8", "add_addr_accepted", "8"])
            let counters = try lab.counters(in: node)
            before.counters.withLock { $0[node] = counters }
        }
    }

    /// Waits until a counter of the node's kernel, e.g. `MPPrioRx`, has grown by `growth` since the scenario began.
    func wait(for counter: String, in node: Lab.Node, toGrowBy growth: UInt64 = 1) async throws {
        let name = "MPTcpExt\(counter)"
        let start = before.counters.withLock { $0[node]?[name] ?? 0 }
        try await lab.wait(for: "\(name) in \(node)", within: .seconds(5)) {
            try lab.counters(in: node)[name] ?? 0 >= start + growth
        }
    }

    /// Waits until the server has no connection and the client none that isn't over.
    func awaitEnd() async throws {
        try await lab.wait(for: "the server to end") { server.statistics.active == 0 }
        let open = ["established", "syn-sent", "fin-wait-1", "fin-wait-2", "close-wait", "last-ack", "closing"]
        try await lab.wait(for: "the client's subflows to end") {
            try await lab.sockets(in: client, ["-t"] + open.flatMap { ["state", $0] }).isEmpty
        }
    }
}

extension Lab {
    /// Starts the peers of a scenario, and Sluice where it needs that. `rest`: the pause of its conversations after each
    /// of their steps, so that who watches sees each.
    public func stage(
        _ scenario: Scenario, _ route: Scenario.Route, rest: Duration = .zero
    ) async throws -> Stage {
        try await Stage(self, scenario, route, rest: rest)
    }
}

// What courses are made of.

extension Stage {
    func plan(_ operation: PeerRequest.Operation, _ length: UInt64, _ family: IPFamily) -> FetchPlan {
        var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000, family), .mptcp)
        plan.operation = operation
        plan.length = length...length
        plan.limit = .seconds(10)
        return plan
    }

    func fetch(_ plan: FetchPlan) async throws {
        let report = try await lab.fetch(in: client, plan)
        guard report.isSuccess else { throw LabError.transfer(report.failures) }
    }

    /// An echo conversation: a few bytes, which let both sides know that the other speaks MPTCP, then `body`, then a
    /// few bytes again and the end.
    func converse(_ family: IPFamily, _ body: (Conversation) async throws -> Void = { _ in }) async throws {
        let conversation = try await lab.converse(in: client, plan(.echo, 0, family), rest: rest)
        try await conversation.bounce(5000)
        try await body(conversation)
        try await conversation.bounce(5000)
        try await conversation.end()
    }

    /// Makes the client join over its link `index`; the endpoint's ID is `index`, too.
    func addSubflow(_ index: Int, _ family: IPFamily, flags: [String] = []) async throws {
        let link = lab.links(of: client)[index]
        try await lab.mptcp(
            in: client,
            ["endpoint", "add", link.address(family).description, "dev", link.nodeInterface]
                + ["id", "\(index)", "subflow"] + flags)
    }

    func awaitJoins(_ count: UInt64) async throws {
        try await wait(for: "MPJoinAckRx", in: peer, toGrowBy: count)
    }
}
