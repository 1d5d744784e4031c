import Handshake
import Testing
import Wire

@Suite struct ConversionPolicyTests {
    private let tuple = FourTuple(client: Endpoint("10.1.0.2:43210")!, server: Endpoint("10.9.0.2:80")!)
    private let tuple6 = FourTuple(client: Endpoint("[fd00:1::2]:43210")!, server: Endpoint("[fd00:9::2]:80")!)

    @Test func emptyMeansAll() {
        let policy = ConversionPolicy(interfaces: ["lan0"])
        #expect(policy.covers(tuple))
        #expect(policy.covers(tuple6))
    }

    @Test(
        arguments: [([80...80], true), ([81...90], false), ([1...79, 80...80], true)] as [([ClosedRange<UInt16>], Bool)]
    )
    func ports(ports: [ClosedRange<UInt16>], expected: Bool) {
        #expect(ConversionPolicy(interfaces: [], ports: ports).covers(tuple) == expected)
        #expect(ConversionPolicy(interfaces: [], ports: ports).covers(tuple6) == expected)
    }

    @Test func prefixesOfOneFamilyCoverOnlyThat() {
        let clients = ConversionPolicy(interfaces: [], clients: [IPPrefix("10.1.0.0/16")!])
        #expect(clients.covers(tuple))
        #expect(!clients.covers(tuple6))
        let servers = ConversionPolicy(interfaces: [], servers: [IPPrefix("fd00:9::/64")!])
        #expect(!servers.covers(tuple))
        #expect(servers.covers(tuple6))
    }
}
