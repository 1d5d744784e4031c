import Lab
import Testing

/// Short soaks. They need the program `sluice` beside the tests.
@Suite(.serialized) struct SoakTests {
    private static func plan(_ links: SoakPlan.Links, bytes: UInt64) -> SoakPlan {
        var plan = SoakPlan()
        plan.links = links
        plan.seed = 18
        plan.bytes = bytes
        plan.parallel = 1...12
        plan.calm = 0.1...0.5
        plan.rest = .zero
        return plan
    }

    @Test(arguments: [true, false]) func everyByteIsRight(hasBox: Bool) async throws {
        var plan = Self.plan(.random, bytes: 16_000_000)
        plan.hasBox = hasBox
        let report = try await plan.run()
        #expect(report.isClean, "\(report.faults)")
        #expect(report.bytes == 16_000_000)
        #expect(report.transfers > 4)
        #expect(report.multipathConnections > 0)
        #expect(report.phases > 1)
        #expect((report.after?.descriptors != nil) == hasBox)
    }

    /// A middlebox changes one byte of one segment, and mends the checksum.
    @Test func aWrongByteIsFound() async throws {
        var plan = Self.plan(.shaped, bytes: 16_000_000)
        plan.calm = nil
        plan.corruptsOneByte = true
        let report = try await plan.run()
        #expect(report.faultCount == 1, "\(report.faults)")
        let fault = try #require(report.faults.first)
        #expect(fault.kind == .wrongBytes)
        let damage = try #require(fault.damage)
        #expect(damage.wrong == 1)
        let differing = zip(damage.expected, damage.got).enumerated().filter { $0.element.0 != $0.element.1 }
        #expect(
            differing.map(\.offset).map { $0 / 2 } == Array(repeating: Int(damage.offset - damage.shownFrom), count: 2))
    }

    @Test func aSoakThatIsStoppedReportsWhatItSaw() async throws {
        var plan = Self.plan(.unshaped, bytes: 1)
        plan.bytes = nil
        plan.duration = .seconds(3600)
        let stop = SoakStop()
        async let running = plan.run(stop: stop) { note in if case .phase = note { stop.fire() } }
        let report = try await running
        #expect(report.wasInterrupted)
        #expect(report.isClean, "\(report.faults)")
    }
}
