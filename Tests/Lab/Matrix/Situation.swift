// The transparency matrix: situations on real routers, each run by a plain client without the box (the truth), by a plain
// client with the box and by an MPTCP client with the box. What is observed has to be the same in all three, but for
// MPTCP itself.
//
// A situation is a value (this file), what client and server do is a `Behaviour`, what comes of it an `Observation`, and
// `Comparison` says what is wrong with it. The lists are in `Situations/`.
//
//     client ── lan0, lan1 ── box ── wan0 ── server 0 ┐
//                                 └─ wan1 ── server 1 ┴ the service's address is on both
//
// The service has one address, 10.99.0.1 and fd00:99::1, that is on the loopback of both servers, so that the server that
// is reached tells by which uplink a connection went. The box's default route goes by wan0.

/// What an MPTCP client of a situation gets.
public enum Treatment: String, Codable, Sendable {
    /// Every connection that comes about speaks MPTCP with the box.
    case converted
    /// None does: the box steps aside.
    case passes
    /// Both are right.
    case either
}

/// One situation, e.g. "the router masquerades".
public struct Situation: Sendable {
    /// Words with hyphens, e.g. `kill-switch-by-mark`.
    public let name: String
    /// One sentence, for the documentation.
    public let sentence: String

    /// The client's links. MPTCP clients join over all of them.
    var links: [LabConfiguration.Link] = [.init(), .init()]
    /// The box's links to server 0 and server 1.
    var uplinks: [LabConfiguration.Link] = [.init(), .init()]
    var families = IPFamily.allCases

    /// A condition that the shell can tell in the box; where it doesn't hold, the situation is left out.
    var needs: String?
    /// Shell lines run in the box before Sluice starts; `RouterShell` has their variables and functions.
    var router: [String] = []
    /// The same in the servers and in the client.
    var server: [String] = []
    var client: [String] = []
    /// The same in the routers in the middle of links that have one.
    var hop: [String] = []
    /// Lines for the box when Sluice has started (`$SLUICE` is its pid, empty where there is none).
    var started: [String] = []
    /// Lines for the box where the behaviour calls `Course.router`. What they print is compared.
    var during: [String] = []
    /// Lines for the box when all is over. What they print is compared.
    var after: [String] = []

    /// More of Sluice's configuration: the lines of its `[intercept]` section, then other sections.
    var sluice = ""
    /// Lines of its `[advanced]` section.
    var advanced = ""
    /// The client-facing interfaces that Sluice is told of, where these aren't the links.
    var interfaces: [String]?
    /// What the server's sockets speak.
    var transport = PeerProtocol.tcp
    /// Where the server listens; behaviours connect to the first.
    var ports: [UInt16] = [5000]
    /// Ports on which the router itself listens, as a server 2 that does what the servers do. Its sockets are transparent:
    /// TPROXY may hand connections to them.
    var routerPorts: [UInt16] = []
    /// What client and server do.
    var behaviour = Behaviour.fetch()
    /// How long either waits for the other.
    var limit = Duration.seconds(5)
    /// Do both ends get what they want, without the box? If not though it says so, the situation is wrong itself.
    var endsWell = true

    public var expected = Treatment.converted
    /// What the MPTCP client's run may differ in, and why that is so on purpose.
    var differs: [Aspect: String] = [:]
    /// What differs from run to run, whoever speaks.
    var byChance: Set<Aspect> = []
    /// Aspects that differ by nature when a connection is converted, but not here.
    var alsoEqual: Set<Aspect> = []

    /// What client and server do, in a few words.
    public var doing: String { behaviour.name }

    /// What differs on purpose, and why, in words; empty where nothing does.
    public var differences: String {
        Dictionary(grouping: differs, by: \.value).map { reason, aspects in
            aspects.map(\.key.rawValue).sorted().joined(separator: ", ") + ": " + reason
        }.sorted().joined(separator: " ")
    }

    /// Do the router's rules matter, so that both kinds of iptables are tried?
    var usesRules: Bool {
        (router + started + during + after).contains { line in
            line.split { !$0.isLetter }.contains { $0 == "ipt" || $0 == "restore" }
        }
    }
}

/// The two kinds of iptables.
public enum IPTablesKind: String, CaseIterable, Codable, Sendable {
    case nft, legacy
}
