import Base
import PacketTap
import Testing
import TraceOutput
import Wire

/// What each condition asks.
@Suite struct TraceFilterTests {
    private let packet = facts()
    private let packet6 = facts("[fd00:1::2]:40000", "[fd00:9::2]:80")

    @Test(arguments: ["", " ", "\n\t  \u{3000}"])
    func blankIsAll(text: String) throws {
        #expect(try TraceFilter(text) == .all)
        #expect(try TraceFilter(text).text == "")
        #expect(try filter(text).matches(packet))
        #expect(try filter(text).matches(PacketFacts()))
        #expect(PacketFilter.all.matches(packet))
    }

    @Test func textIsKept() throws {
        #expect(try TraceFilter(" SYN && not  fin").text == " SYN && not  fin")
    }

    @Test(
        arguments: [
            ("client 10.1.0.2", true, false), ("client 10.1.0.0/16", true, false), ("client 10.9.0.2", false, false),
            ("server 10.9.0.2", true, false), ("server 10.1.0.0/16", false, false), ("server 0.0.0.0/0", true, false),
            ("host 10.1.0.2", true, false), ("host 10.9.0.0/24", true, false), ("host 10.2.0.0/16", false, false),
            ("client fd00:1::/64", false, true), ("server fd00:9::2", false, true), ("host ::/0", false, true),
            ("host ::ffff:10.1.0.2", true, false), ("client FD00:1::2", false, true),
            ("ip", true, false), ("ip6", false, true),
            ("port 443", true, false), ("port 40000", true, true), ("port 80", false, true),
            ("port 80-443", true, true), ("port 81-442", false, false), ("port 0-65535", true, true),
            ("client port 40000", true, true), ("client port 443", false, false),
            ("server port 443", true, false), ("server port 40000", false, false), ("server port 80-80", false, true),
        ])
    func addressesAndPorts(text: String, v4: Bool, v6: Bool) throws {
        #expect(try filter(text).matches(packet) == v4)
        #expect(try filter(text).matches(packet6) == v6)
    }

    @Test func sender() throws {
        let reply = facts { $0.isFromClient = false }
        #expect(try filter("from client").matches(packet))
        #expect(try !filter("from client").matches(reply))
        #expect(try filter("from server").matches(reply))
        #expect(try !filter("from server").matches(packet))
    }

    @Test(arguments: [("syn", TCPFlags.syn), ("fin", .fin), ("rst", .rst), ("ack", .ack)])
    func flags(word: String, flag: TCPFlags) throws {
        #expect(try filter(word).matches(facts { $0.flags = [flag, .psh] }))
        #expect(try filter(word).matches(facts { $0.flags = TCPFlags(rawValue: 0xff) }))
        #expect(try !filter(word).matches(facts { $0.flags = TCPFlags(rawValue: ~flag.rawValue) }))
    }

    @Test(arguments: [
        ("mp_capable", 0), ("capable", 0), ("mp_join", 1), ("join", 1), ("dss", 2), ("add_addr", 3), ("remove_addr", 4),
        ("mp_prio", 5), ("prio", 5), ("mp_fail", 6), ("fail", 6), ("mp_fastclose", 7), ("fastclose", 7),
        ("mp_tcprst", 8), ("tcprst", 8),
    ])
    func subtypes(word: String, number: UInt8) throws {
        let subtype = MultipathSubtypes(subtype: number)
        #expect(try filter(word).matches(facts { $0.subtypes = subtype }))
        #expect(try filter(word).matches(facts { $0.subtypes = MultipathSubtypes(rawValue: .max) }))
        #expect(try !filter(word).matches(facts { $0.subtypes = MultipathSubtypes(rawValue: ~subtype.rawValue) }))
    }

    @Test func tokens() throws {
        let known = facts { $0.token = Token(0x90cd_00d7) }
        for text in ["token 0x90cd00d7", "token 0X90CD00D7", "token 2429354199", "TOKEN 0x0090cd00d7"] {
            #expect(try filter(text).matches(known))
            #expect(try !filter(text).matches(packet))
        }
        #expect(try !filter("token 0x90cd00d8").matches(known))
        #expect(try !filter("token 0").matches(packet))
    }

    @Test func interfaces() throws {
        #expect(try filter("interface lan0").matches(packet))
        #expect(try filter("interface wan0").matches(packet))
        #expect(try !filter("interface port").matches(packet))
        #expect(try filter("interface port").matches(facts { $0.inDevice = 3 }))
        // 0 is no interface, even where somebody should say so.
        #expect(throws: TraceFilterError.self) { try TraceFilter("interface lan0").compiled { _ in 0 } }
    }

    @Test(arguments: Verdict.allCases)
    func verdicts(verdict: Verdict) throws {
        for other in Verdict.allCases {
            #expect(try filter("verdict \(verdict.name)").matches(facts { $0.verdict = other }) == (other == verdict))
        }
    }

    @Test func theRest() throws {
        #expect(try !filter("data or held or error").matches(packet))
        #expect(try filter("data").matches(facts { $0.payloadLength = 1 }))
        #expect(try filter("held").matches(facts { $0.wasHeld = true }))
        #expect(try filter("error").matches(facts { $0.isMalformed = true }))
    }

    @Test(
        arguments: [
            // not, then and, then or.
            ("syn or ip and ip6", true), ("ip6 and ip or syn", true), ("(syn or ip) and ip6", false),
            ("not ip6 and fin", false), ("not (ip6 and fin)", true), ("not not syn", true), ("!!!syn", false),
            ("! syn||fin", false), ("!(syn&&fin)", true), ("SYN And noT Fin oR fin", true), ("((syn))", true),
            ("syn&&ip&&port 443&&!fin", true), ("fin or fin or fin or syn", true), ("interface port or fin", false),
        ])
    func operators(text: String, expected: Bool) throws {
        #expect(try filter(text).matches(facts { $0.flags = .syn }) == expected)
    }

    /// Of a packet that is no segment, nothing about segments holds, whatever stands in its place.
    @Test func noSegment() throws {
        let packet = facts {
            $0.ends = nil
            $0.flags = TCPFlags(rawValue: 0xff)
            $0.subtypes = MultipathSubtypes(rawValue: .max)
            $0.payloadLength = 7
            $0.isMalformed = true
            $0.wasHeld = true
        }
        let about = [
            "host 0.0.0.0/0", "host ::/0", "client ::/0", "port 0-65535", "server port 0-65535", "ip", "ip6", "syn",
            "ack", "dss", "mp_capable", "data", "from client", "from server",
        ]
        for text in about {
            #expect(try !filter(text).matches(packet), "\(text)")
            #expect(try filter("not \(text)").matches(packet), "\(text)")
        }
        #expect(try filter("error and held and interface lan0 and verdict accept").matches(packet))
    }
}
