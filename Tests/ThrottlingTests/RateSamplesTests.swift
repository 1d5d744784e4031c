import LinuxSystem
import Testing
import TrafficControl

@testable import Throttling

@Suite struct RateSamplesTests {
    private func time(_ milliseconds: Int) -> MonotonicTime {
        MonotonicTime(nanoseconds: 5_000_000_000) + .milliseconds(milliseconds)
    }

    /// Of class 1's download, one each second.
    private func samples(_ bytes: UInt64...) -> RateSamples {
        var samples = RateSamples()
        for (second, bytes) in bytes.enumerated() {
            samples.note(1, .download, bytes: bytes, at: time(second * 1000))
        }
        return samples
    }

    @Test func notKnownAtFirst() {
        #expect(RateSamples().rate(1, .download) == 0)
        #expect(samples(5000).rate(1, .download) == 0)
        var twice = samples(5000)
        twice.note(1, .download, bytes: 6000, at: time(0))
        #expect(twice.rate(1, .download) == 0)
    }

    @Test func bitsPerSecond() {
        #expect(samples(5000, 6000).rate(1, .download) == 8000)
        #expect(samples(5000, 5000).rate(1, .download) == 0)
        var uneven = samples(0)
        uneven.note(1, .download, bytes: 1000, at: time(250))
        #expect(uneven.rate(1, .download) == 32_000)
    }

    @Test func averageOfThreeSeconds() {
        #expect(samples(0, 1000, 1000, 4000).rate(1, .download) == 4000 * 8 / 3)
        // What was before doesn't count any more.
        #expect(samples(0, 900_000, 900_000, 900_000, 903_000).rate(1, .download) == 8000)
    }

    @Test func aClassMadeAnew() {
        #expect(samples(7000, 8000, 500).rate(1, .download) == 0)
        #expect(samples(7000, 8000, 500, 1500).rate(1, .download) == 8000)
    }

    @Test func eachClassAndDirectionForItself() {
        var samples = samples(0, 1000)
        samples.note(1, .upload, bytes: 0, at: time(0))
        samples.note(1, .upload, bytes: 20, at: time(1000))
        samples.note(2, .download, bytes: 0, at: time(0))
        samples.note(2, .download, bytes: 3, at: time(1000))
        #expect(samples.rate(1, .download) == 8000)
        #expect(samples.rate(1, .upload) == 160 && samples.rate(2, .download) == 24)
        samples.forget(1)
        #expect(samples.rate(1, .download) == 0 && samples.rate(1, .upload) == 0)
        #expect(samples.rate(2, .download) == 24)
    }

    /// Another class has the number: its bytes are no continuation.
    @Test func whatIsForgottenIsNotCompared() {
        var samples = samples(0, 1000)
        samples.forget(1)
        samples.note(1, .download, bytes: 900_000, at: time(2000))
        #expect(samples.rate(1, .download) == 0)
    }
}
