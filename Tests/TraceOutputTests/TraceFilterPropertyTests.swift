import Base
import PacketForge
import PacketTap
import Testing
import TraceOutput
import Wire

/// Random filters, written down in random ways, against a plain evaluation of what was meant.
@Suite struct TraceFilterPropertyTests {
    @Test func asAPlainEvaluation() throws {
        var random = SplitMix64(seed: 11)
        var matched = 0
        for _ in 0..<2000 {
            let meant = random.expression(depth: 4)
            let text = random.text(of: meant)
            let filter = try filter(text)
            for _ in 0..<5 {
                let facts = random.facts()
                let isMatch = filter.matches(facts)
                #expect(isMatch == meant.holds(facts), "\(text) \(facts)")
                if isMatch { matched += 1 }
            }
        }
        // It leads somewhere.
        #expect(matched > 2000 && matched < 8000)
    }

    /// The same words make the same filter.
    @Test func equality() throws {
        var random = SplitMix64(seed: 12)
        for _ in 0..<200 {
            let text = random.text(of: random.expression(depth: 3))
            #expect(try TraceFilter(text) == TraceFilter(text))
            #expect(try TraceFilter(text) != TraceFilter("not (\(text))"))
        }
    }
}

/// What a random filter means.
private indirect enum Meaning: Sendable {
    /// Ways to write it, and what it asks.
    case condition([String], @Sendable (PacketFacts) -> Bool)
    case not(Meaning)
    case and(Meaning, Meaning)
    case or(Meaning, Meaning)

    func holds(_ facts: PacketFacts) -> Bool {
        switch self {
        case .condition(_, let holds): holds(facts)
        case .not(let inner): !inner.holds(facts)
        case .and(let left, let right): left.holds(facts) && right.holds(facts)
        case .or(let left, let right): left.holds(facts) || right.holds(facts)
        }
    }

    /// How tightly its operator binds.
    var rank: Int {
        switch self {
        case .or: 0
        case .and: 1
        case .not: 2
        case .condition: 3
        }
    }
}

// MARK: - Text

extension SplitMix64 {
    fileprivate mutating func expression(depth: Int) -> Meaning {
        switch depth == 0 ? 0 : next() % 5 {
        case 1: .not(expression(depth: depth - 1))
        case 2, 3: .and(expression(depth: depth - 1), expression(depth: depth - 1))
        case 4: .or(expression(depth: depth - 1), expression(depth: depth - 1))
        default: condition()
        }
    }

    /// With parentheses where they are needed, and some where they aren't.
    fileprivate mutating func text(of meaning: Meaning, rank: Int = 0) -> String {
        let inner =
            switch meaning {
            case .condition(let texts, _): cased(texts.randomElement(using: &self)!)
            case .not(let inner): pick(["not ", "NOT  ", "!", "! "]) + text(of: inner, rank: 2)
            case .and(let left, let right): text(of: left, rank: 1) + sign("and", "&&") + text(of: right, rank: 1)
            case .or(let left, let right): text(of: left) + sign("or", "||") + text(of: right)
            }
        guard meaning.rank < rank || next() % 8 == 0 else { return inner }
        return pick(["(", "( ", " (\t"]) + inner + pick([")", " )", "\n) "])
    }

    private mutating func sign(_ word: String, _ sign: String) -> String {
        pick([" \(word) ", "\n\(cased(word))\t ", " \(sign) ", sign])
    }

    /// Names of interfaces are as they are.
    private mutating func cased(_ text: String) -> String {
        next() % 4 == 0 && !text.contains("interface") ? text.uppercased() : text
    }

    private mutating func pick<Value>(_ values: [Value]) -> Value { values.randomElement(using: &self)! }
}

// MARK: - Conditions

extension SplitMix64 {
    private static let networks = ["10.1.0.2", "10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0", "fd00::/16", "fd00:1::2/128"]

    private mutating func condition() -> Meaning {
        switch next() % 6 {
        case 0: address()
        case 1: port()
        case 2: pick(Self.segmentConditions)
        case 3: .condition(["interface lan0"]) { $0.inDevice == 1 || $0.outDevice == 1 }
        case 4: subtype()
        default: pick(Self.packetConditions)
        }
    }

    private mutating func address() -> Meaning {
        let text = pick(Self.networks)
        let network = IPPrefix(text)!
        return switch next() % 3 {
        case 0: .condition(["client \(text)"]) { $0.ends.map { network.contains($0.client.address) } ?? false }
        case 1: .condition(["server \(text)"]) { $0.ends.map { network.contains($0.server.address) } ?? false }
        default:
            .condition(["host \(text)"]) { facts in
                [facts.ends?.client, facts.ends?.server].contains { $0.map { network.contains($0.address) } ?? false }
            }
        }
    }

    private mutating func port() -> Meaning {
        let (text, ports) = pick([("443", 443...443), ("80-443", 80...443), ("40000", 40000...40000)])
        return switch next() % 3 {
        case 0: .condition(["client port \(text)"]) { $0.ends.map { ports.contains(Int($0.client.port)) } ?? false }
        case 1: .condition(["server  port \(text)"]) { $0.ends.map { ports.contains(Int($0.server.port)) } ?? false }
        default:
            .condition(["port \(text)"]) { facts in
                [facts.ends?.client, facts.ends?.server].contains { $0.map { ports.contains(Int($0.port)) } ?? false }
            }
        }
    }

    private mutating func subtype() -> Meaning {
        let names = [
            ["mp_capable", "capable"], ["mp_join", "join"], ["dss"], ["add_addr"], ["remove_addr"],
            ["mp_prio", "prio"],
            ["mp_fail", "fail"], ["mp_fastclose", "fastclose"], ["mp_tcprst", "tcprst"],
        ]
        let number = Int.random(in: names.indices, using: &self)
        return .condition(names[number]) { $0.ends != nil && $0.subtypes.rawValue >> number & 1 == 1 }
    }

    private static let segmentConditions: [Meaning] = [
        .condition(["syn"]) { $0.ends != nil && $0.flags.rawValue & 0x02 != 0 },
        .condition(["fin"]) { $0.ends != nil && $0.flags.rawValue & 0x01 != 0 },
        .condition(["rst"]) { $0.ends != nil && $0.flags.rawValue & 0x04 != 0 },
        .condition(["ack"]) { $0.ends != nil && $0.flags.rawValue & 0x10 != 0 },
        .condition(["ip"]) { $0.ends?.client.address.isIPv4 == true },
        .condition(["ip6"]) { $0.ends?.client.address.isIPv4 == false },
        .condition(["data"]) { $0.ends != nil && $0.payloadLength > 0 },
        .condition(["from client"]) { $0.ends != nil && $0.isFromClient },
        .condition(["from server"]) { $0.ends != nil && !$0.isFromClient },
    ]

    private static let packetConditions: [Meaning] = [
        .condition(["token 0x90cd00d7", "token 2429354199"]) { $0.token?.rawValue == 0x90cd_00d7 },
        .condition(["verdict drop"]) { $0.verdict == .drop },
        .condition(["verdict intercept"]) { $0.verdict == .intercept },
        .condition(["held"]) { $0.wasHeld },
        .condition(["error"]) { $0.isMalformed },
    ]
}

// MARK: - Packets

extension SplitMix64 {
    fileprivate mutating func facts() -> PacketFacts {
        var facts = PacketFacts()
        let ends = [
            ("10.1.0.2:40000", "10.9.0.2:443"), ("10.2.0.2:443", "10.1.0.2:80"), ("172.16.0.1:40000", "10.9.0.2:8080"),
            ("[fd00:1::2]:40000", "[fd00:9::2]:443"), ("[2001:db8::1]:50000", "[fd00:1::2]:80"),
        ].map { FourTuple(client: Endpoint($0.0)!, server: Endpoint($0.1)!) }
        facts.ends = next() % 6 == 0 ? nil : pick(ends)
        facts.isFromClient = next() % 2 == 0
        facts.flags = TCPFlags(rawValue: UInt8(truncatingIfNeeded: next()))
        facts.payloadLength = pick([0, 1, 1448])
        facts.subtypes = MultipathSubtypes(rawValue: UInt16(truncatingIfNeeded: next()))
        facts.token = pick([nil, Token(0x90cd_00d7), Token(1)])
        (facts.inDevice, facts.outDevice) = pick([(1, 2), (2, 1), (0, 2), (2, 0), (0, 0)])
        facts.verdict = pick(Verdict.allCases)
        facts.isMalformed = next() % 4 == 0
        facts.wasHeld = next() % 4 == 0
        return facts
    }
}
