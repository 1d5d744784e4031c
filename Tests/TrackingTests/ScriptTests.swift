import PacketForge
import Testing

@testable import Tracking

/// What Tests/Fuzz/FuzzTracker does with a fuzzer's bytes, with random ones.
@Suite struct ScriptTests {
    @Test(arguments: 0..<8 as Range<UInt64>)
    func randomTraffic(seed: UInt64) {
        var generator = SplitMix64(seed: 0x7ac4 + seed)
        let scene = Scene(TrafficScript.limits)
        var evictions = EvictionWatch()
        var segments = 0
        for _ in 0..<40 {
            // The tracker stays: what comes meets what has been.
            var script = TrafficScript(generator.bytes(300...900), scene)
            script.play { scene in
                segments += 1
                let broken = scene.tracker.brokenInvariants() + evictions.look(scene.tracker)
                #expect(broken == [])
            }
        }
        // It leads somewhere.
        let counters = scene.tracker.counters
        #expect(segments > 5000 && counters.opened > 100 && counters.established > 50 && counters.joins > 50)
        #expect(counters.expired > 0 && counters.evictedEmbryonic > 0)
    }
}
