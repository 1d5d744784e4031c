import LinuxSystem
import Steering
import Testing
import Wire

@testable import Throttling

/// What a path's readings are made of, with a kernel that answers as the test says.
@Suite struct PathSamplerTests {
    private final class Kernel: PathSource {
        var indices: [String: UInt32] = ["eth0": 7]
        var answers: [UInt32: InterfaceCounters.Values] = [:]

        func index(of interface: String) -> UInt32? { indices[interface] }
        func counters(of index: UInt32) -> InterfaceCounters.Values? { answers[index] }
        func figures(of subflow: FourTuple) -> SubflowFigures? { nil }
    }

    private static let path = Path(name: "wired", selector: .interface("eth0"))

    private static func values(_ sent: UInt64, isRunning: Bool = true) -> InterfaceCounters.Values {
        InterfaceCounters.Values(isRunning: isRunning, receivedBytes: sent / 10, sentBytes: sent)
    }

    @Test("an answer that is lost says nothing: the path is up, and what it has carried is as it was") func lostAnswer()
    {
        let kernel = Kernel()
        var sampler = PathSampler(kernel)
        kernel.answers[7] = Self.values(5000)
        let first = sampler.read(Self.path)
        #expect(first.isUp && first.total == PathRates(download: 5000, upload: 500))
        kernel.answers[7] = nil
        for _ in 0..<3 {
            let lost = sampler.read(Self.path)
            #expect(lost.isUp && lost.total == first.total)
        }
        kernel.answers[7] = Self.values(9000)
        let found = sampler.read(Self.path)
        #expect(found.total == PathRates(download: 9000, upload: 900))
    }

    @Test("neither is a path down whose state makes of a lost answer") func lostAnswerIsNoState() {
        let kernel = Kernel()
        var sampler = PathSampler(kernel)
        var monitor = PathMonitor(Self.path, at: 0)
        for turn in 0..<40 as Range<UInt64> {
            // Every other answer is lost.
            kernel.answers[7] = turn % 2 == 0 ? Self.values(turn * 100_000) : nil
            monitor.note(sampler.read(Self.path), at: turn * 100_000_000)
            #expect(monitor.state == .fit)
        }
        // 8 Mbit/s, whichever answers came.
        #expect((6e6...10e6).contains(monitor.figures.total.download))
        kernel.indices = [:]
        monitor.note(sampler.read(Self.path), at: 4_000_000_000)
        #expect(monitor.state == .down)
    }

    @Test("an interface that has lost its carrier, or is gone, is down; what it carried stays") func down() {
        let kernel = Kernel()
        var sampler = PathSampler(kernel)
        kernel.answers[7] = Self.values(5000)
        _ = sampler.read(Self.path)
        kernel.answers[7] = Self.values(5000, isRunning: false)
        let down = sampler.read(Self.path)
        #expect(!down.isUp)
        kernel.indices = [:]
        let gone = sampler.read(Self.path)
        #expect(!gone.isUp && gone.total.download == 5000)
        // It is made anew, under another number.
        kernel.indices = ["eth0": 8]
        kernel.answers[8] = Self.values(10)
        let back = sampler.read(Self.path)
        #expect(back == PathReading(total: PathRates(download: 10, upload: 1)))
    }

    @Test("subflows of which the kernel says nothing count as subflows, and for nothing else") func silentSubflows() {
        var sampler = PathSampler(Kernel())
        let tuple = FourTuple(client: Endpoint("10.1.0.2:4000")!, server: Endpoint("192.0.2.1:443")!)
        sampler.note(Self.id, [tuple: "wired"])
        let reading = sampler.read(Self.path)
        #expect(reading.subflows == 1 && reading.active == 0 && reading.stalled == 0 && reading.roundTripTime == nil)
        sampler.forget(Self.id)
        let later = sampler.read(Self.path)
        #expect(later.subflows == 0)
    }

    private static let id = ClientCapsTests.id
}
