import Handshake
import PacketForge
import Testing
import Wire

enum Family: String, CaseIterable, Sendable {
    case ipv4, ipv6

    var client: IPAddress { self == .ipv4 ? IPAddress("10.1.0.2")! : IPAddress("fd00:1::2")! }
    var server: IPAddress { self == .ipv4 ? IPAddress("10.9.0.2")! : IPAddress("fd00:9::2")! }
}

/// A SYN, what is remembered, and what the router would answer. As it stands, the SYN's server is dialled.
struct Situation: Sendable {
    enum MultipathOption: Sendable {
        case none, capable, checksums, version0, version2, join, priority
    }

    let family: Family
    var clientPort: UInt16 = 40_000
    var serverPort: UInt16 = 80
    var sequence: UInt32 = 1000
    var option = MultipathOption.capable
    var maximumSegmentSize: UInt16? = 1400
    var trafficClass: UInt8 = 0
    var mark: UInt32 = 0
    var inDevice: UInt32 = 3
    var isFromPeer = false
    /// Nanoseconds. Far from 0, so that there is a time before.
    var now: UInt64 = 1000 * s
    var decider: SYNDecider
    var facts = MadeUpFacts()

    init(_ family: Family) {
        self.family = family
        decider = SYNDecider(ConversionPolicy(interfaces: ["lan0"]))
        decider.stage = .converting
    }

    /// As it would be read from its packet.
    var syn: SYN {
        let bytes = draft.bytes
        return bytes.withUnsafeBytes { bytes in
            let segment = try! Segment(bytes.bytes)
            return try! SYN(segment, mark: mark, inDevice: inDevice, outDevice: 4, isFromPeer: isFromPeer)
        }
    }

    private var draft: PacketDraft {
        let size = maximumSegmentSize.map { TCPOptionContent.maximumSegmentSize($0).bytes } ?? []
        var draft = PacketDraft(
            source: Endpoint(address: family.client, port: clientPort),
            destination: Endpoint(address: family.server, port: serverPort), sequence: sequence,
            options: size + option.bytes)
        draft.trafficClass = trafficClass
        return draft
    }

    /// The SYN comes to the queue.
    mutating func receive() -> SYNAction {
        let syn = syn
        return decider.received(syn, &facts, at: now)
    }

    /// The SYN comes and is held; returns its dial's id. nil: it isn't.
    mutating func hold() -> UInt64? {
        if case .dial(let request) = receive() { request.id } else { nil }
    }

    /// As `hold`, where it has to be.
    mutating func held() throws -> UInt64 {
        let id = hold()
        return try #require(id)
    }
}

extension Situation.MultipathOption {
    var bytes: [UInt8] {
        switch self {
        case .none: []
        case .capable: [30, 4, 0x01, 0x01]
        case .checksums: [30, 4, 0x01, 0x81]
        case .version0: [30, 12, 0x00, 0x01, 1, 2, 3, 4, 5, 6, 7, 8]
        case .version2: [30, 4, 0x02, 0x01]
        case .join: [30, 12, 0x10, 1, 0, 0, 0, 7, 0, 0, 0, 8]
        case .priority: [30, 4, 0x50, 1]
        }
    }
}

let ms: UInt64 = 1_000_000
let s: UInt64 = 1_000_000_000
