import Testing
import Wire

@testable import Converter

@Suite struct UpstreamPortsTests {
    private let ports = UpstreamPorts(4096...32767)

    private func ports(of client: String, count: Int) -> [UInt16] {
        let tuple = FourTuple(client: Endpoint(client)!, server: Endpoint("10.9.0.2:514")!)
        return (0..<count).map { _ in ports.port(for: tuple) }
    }

    /// A server that trusts ports below 1024 sees one, and another each time.
    @Test(arguments: ["10.1.0.2:1023", "10.1.0.2:777", "10.1.0.2:1", "[fd00:1::2]:600"])
    func aPrivilegedPortStaysOne(_ client: String) {
        let count = UpstreamPorts.privileged.count
        let chosen = ports(of: client, count: count)
        #expect(Set(chosen).count == count)
        #expect(chosen.allSatisfy { (512..<665).contains($0) })
        #expect(Set(chosen).isDisjoint(with: [623, 636, 587, 631, 554]))
        #expect(ports.attempts(for: Endpoint(client)!) > ports.attempts(for: Endpoint("10.1.0.2:1024")!))
    }

    @Test(arguments: ["10.1.0.2:1024", "10.1.0.2:40000", "[fd00:1::2]:65535"])
    func othersAreOfTheRange(_ client: String) {
        #expect(ports(of: client, count: 1000).allSatisfy { (4096...32767).contains($0) })
    }
}
