/// A course of events between an MPTCP client and its peer that makes their kernels use a certain part of MPTCP's
/// signalling, while a transfer is verified byte by byte.
///
/// A scenario is played in a lab of its own, once or more for each family:
///
///     try await Lab.with(scenario.configuration) { lab in
///         let stage = try await lab.stage(scenario, .endToEnd)
///         try await scenario.play(on: stage, .v6)
///     }
public struct Scenario: Sendable, CustomStringConvertible {
    /// Who speaks MPTCP with the client.
    public enum Route: String, CaseIterable, Sendable {
        /// The server itself; the box forwards.
        case endToEnd
        /// The box, for a server that speaks TCP.
        case throughSluice
    }

    /// E.g. `backup-subflow`.
    public let name: String
    /// The lab that it wants.
    public let configuration: LabConfiguration
    /// Where it makes sense.
    public let routes: [Route]
    /// What an end-to-end server speaks.
    let server: PeerProtocol
    private let course: @Sendable (Stage, IPFamily) async throws -> Void

    init(
        _ name: String, links: Int = 2, routes: [Route] = Route.allCases, server: PeerProtocol = .mptcp,
        _ course: @escaping @Sendable (Stage, IPFamily) async throws -> Void
    ) {
        self.name = name
        // The MTU gives the first link a hop, where middleboxes are; the rate keeps a recording short, because less is
        // under way when something happens.
        configuration = LabConfiguration(clients: [
            .init(links: (0..<links).map { .init(rate: .mbit(40), mtu: $0 == 0 ? 1500 : nil) })
        ])
        self.routes = routes
        self.server = server
        self.course = course
    }

    public var description: String { name }

    /// Plays it, and returns when all its connections have ended; throws when the kernel or a peer doesn't do as it
    /// should.
    public func play(on stage: Stage, _ family: IPFamily) async throws {
        try await stage.clear()
        try await course(stage, family)
        try await stage.awaitEnd()
    }

    public static let all = joins + addresses + endings + fallbacks
}
