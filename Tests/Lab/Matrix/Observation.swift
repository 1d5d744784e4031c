import Wire

/// One thing that is compared between runs.
public enum Aspect: String, CaseIterable, Codable, Sendable {
    /// Did the client's part go as it should, or what did the client see?
    case client
    /// The same for each connection that a server accepted.
    case server
    /// What behaviours and the router's lines say.
    case notes
    /// Seconds for the whole, and to connect.
    case time
    /// Which servers were reached, and so by which uplink.
    case uplink
    /// The wires on which segments of the service's were seen, wanted or not.
    case wires
    /// The addresses from which connections came to the servers.
    case source
    /// Are the ports from which they came below 1024?
    case portClass
    /// Are they the client's?
    case port
    /// The MSS in the SYN at the server, and in the SYN-ACK at the client.
    case mss
    /// The code points of segments with payload and SYNs, at either end.
    case dscp
    /// Did SYNs ask for ECN?
    case ecn
    /// TTL or hop limit of the SYN at the server.
    case hopLimit
    /// The kinds of options of the SYN at the server, without Multipath TCP's.
    case options
    /// SYNs that the client had to send again.
    case repeatedSYNs
    /// Resets that arrived at the servers.
    case resets
    /// Has the client's kernel switched MPTCP off (MPTcpExtBlackhole)?
    case blackhole
    /// Connections that spoke MPTCP with the box.
    case conversion
    /// Is the daemon alive at the end?
    case daemon
    /// Could the run be made at all?
    case lab
}

/// What one run of a situation has shown.
public struct Observation: Hashable, Codable, Sendable {
    /// `ok`, or why not.
    public var client = ""
    /// The same for each accepted connection, in alphabetical order.
    public var servers: [String] = []
    public var notes: [String: String] = [:]
    /// Of the client's part.
    public var seconds = 0.0
    /// Of each connection.
    public var connectSeconds: [Double] = []
    /// The servers that accepted something: 0, 1, and 2 for the router itself.
    public var reached: [Int] = []
    /// The wires with segments from or to the service.
    public var wires: [Int] = []
    /// `client`, `box 0` (at wan0), `box 1`, or the address.
    public var sources: [String] = []
    public var hasPrivilegedPort = false
    public var hasClientPort = false
    public var serverMSS: [UInt16] = []
    public var clientMSS: [UInt16] = []
    public var serverDSCP: [UInt8] = []
    public var clientDSCP: [UInt8] = []
    public var asksForECN = false
    public var hopLimits: [UInt8] = []
    public var options: [[UInt8]] = []
    public var repeatedSYNs = 0
    public var hasReset = false
    public var blackholes: UInt64 = 0
    /// Connections that the client established.
    public var established = 0
    /// Of these, those that speak MPTCP with the box.
    public var converted = 0
    public var isDaemonAlive = true
    /// The daemon's warnings and errors, for whoever looks into a failure; not compared.
    public var log: [String] = []
}

/// What an observation is made from.
struct Evidence: Sendable {
    var service: IPAddress
    /// Addresses with the names that an observation gives them.
    var names: [IPAddress: String]
    var client: [Sighting]
    /// By server.
    var servers: [[Sighting]]
    /// What the client's kernel counted meanwhile.
    var clientCounters: [String: UInt64]
    /// The same for the servers, summed up.
    var serverCounters: [String: UInt64]
}

extension Observation {
    /// What the wires and the kernels tell.
    init(_ evidence: Evidence) {
        let service = evidence.service
        wires = evidence.servers.indices.filter { index in
            evidence.servers[index].contains { $0.source.address == service || $0.destination.address == service }
        }
        read(
            atServers: evidence.servers.joined().filter { !$0.isOutgoing && $0.destination.address == service },
            evidence)
        read(atClient: evidence.client, evidence)
        let answers = evidence.clientCounters["MPTcpExtMPCapableSYNACKRX"] ?? 0
        let endToEnd = evidence.serverCounters["MPTcpExtMPCapableACKRX"] ?? 0
        converted = max(0, Int(answers) - Int(endToEnd))
        blackholes = evidence.clientCounters["MPTcpExtBlackhole"] ?? 0
    }

    private mutating func read(atServers segments: [Sighting], _ evidence: Evidence) {
        let syns = segments.filter { $0.flags.isDisjoint(with: .ack) && $0.flags.contains(.syn) }
        sources = Set(syns.map { evidence.names[$0.source.address] ?? "\($0.source.address)" }).sorted()
        hasPrivilegedPort = syns.contains { $0.source.port < 1024 }
        let ports = Set(evidence.client.filter { $0.isOutgoing && $0.flags.contains(.syn) }.map(\.source.port))
        hasClientPort = !syns.isEmpty && syns.allSatisfy { ports.contains($0.source.port) }
        serverMSS = Set(syns.compactMap { $0.syn?.mss }).sorted()
        asksForECN = syns.contains { $0.flags.isSuperset(of: [.ece, .cwr]) }
        hopLimits = Set(syns.map(\.hopLimit)).sorted()
        options = Set(syns.compactMap { $0.syn?.optionKinds }).sorted { $0.lexicographicallyPrecedes($1) }
        serverDSCP = Self.codePoints(segments)
        hasReset = segments.contains { $0.flags.contains(.rst) }
    }

    private mutating func read(atClient segments: [Sighting], _ evidence: Evidence) {
        let answers = segments.filter { !$0.isOutgoing && $0.flags.isSuperset(of: [.syn, .ack]) }
        clientMSS = Set(answers.compactMap { $0.syn?.mss }).sorted()
        clientDSCP = Self.codePoints(segments.filter { !$0.isOutgoing && $0.source.address == evidence.service })
        let first = segments.filter {
            $0.isOutgoing && $0.flags.contains(.syn) && !$0.flags.contains(.ack) && $0.syn?.isJoin == false
        }
        repeatedSYNs = first.count - Set(first.map { Start(source: $0.source, sequence: $0.sequence) }).count
    }

    /// What tells one connection's SYN from another's.
    private struct Start: Hashable {
        let source: Endpoint
        let sequence: SequenceNumber
    }

    private static func codePoints(_ segments: [Sighting]) -> [UInt8] {
        let telling = segments.filter { ($0.payloadLength > 0 || $0.flags.contains(.syn)) && !$0.flags.contains(.rst) }
        return Set(telling.map { $0.trafficClass >> 2 }).sorted()
    }
}
