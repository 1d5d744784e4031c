import Glibc
import LinuxSystem
import Testing
import Wire

@testable import Converter

@Suite(.timeLimit(.minutes(1))) struct CodePointTests {
    private static let upstream = FourTuple(client: Endpoint("10.1.0.2:5000")!, server: Endpoint("10.9.0.2:80")!)
    private static let second: UInt64 = 1_000_000_000

    @Test("a server's DSCP is known as long as it is seen")
    func memory() {
        let codePoints = ServerCodePoints()
        let (upstream, second) = (Self.upstream, Self.second)
        #expect(codePoints.latest(of: upstream, at: second) == nil)
        codePoints.note(DSCP(trafficClass: 0xb8), of: upstream, at: second)
        #expect(codePoints.latest(of: upstream, at: second)?.rawValue == 46)
        // Seen all the time: known all the time, though it isn't written each time.
        for step in 1..<100 {
            let now = second + UInt64(step) * 100_000_000
            codePoints.note(DSCP(trafficClass: 0xb8), of: upstream, at: now)
            #expect(codePoints.latest(of: upstream, at: now)?.rawValue == 46)
        }
        codePoints.note(DSCP(trafficClass: 0x28), of: upstream, at: 11 * second)
        #expect(codePoints.latest(of: upstream, at: 11 * second)?.rawValue == 10)
        // Seen no longer: it sends without.
        #expect(codePoints.latest(of: upstream, at: 14 * second) == .standard)
    }

    private func trafficClass(_ descriptor: Int32) -> Int32 {
        var value: Int32 = -1
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, Int32(IPPROTO_IP), IP_TOS, &value, &length)
        // ECN's bits are the kernel's.
        return value & 0xfc
    }

    /// A message and bytes that come at the same time are handled in no order of their own.
    private func trafficClass(_ descriptor: Int32, becomes expected: Int32) -> Bool {
        for _ in 0..<5000 where trafficClass(descriptor) != expected { usleep(1000) }
        return trafficClass(descriptor) == expected
    }

    @Test("each side's socket takes the other end's", arguments: [.mptcp, .tcp] as [StreamSocket.TransportProtocol])
    func sockets(_ transport: StreamSocket.TransportProtocol) throws {
        let rig = try RelayRig(.init(clients: transport))
        rig.mailbox.post(.clientSends(rig.tuples[0], DSCP(trafficClass: 0xb8)))
        let upstream = try #require(rig.upstreams.first)
        rig.shared.serverCodePoints.note(
            DSCP(trafficClass: 0x28), of: FourTuple(client: upstream, server: rig.tuples[0].server))
        #expect(trafficClass(rig.nearServer(), becomes: 0xb8))
        try RelayRig.send("y", on: rig.server())
        #expect(try RelayRig.receive(1, on: rig.client()) == "y")
        #expect(trafficClass(rig.nearClient()) == 0x28)
        rig.mailbox.post(.clientSends(rig.tuples[0], .standard))
        #expect(trafficClass(rig.nearServer(), becomes: 0))
    }
}
