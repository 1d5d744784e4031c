import Glibc
import Steering

/// What the classes carry by which weights are kept: all that is weighed, and nothing else.
struct WeightMeters {
    private struct Key: Hashable {
        let rule: String
        let path: String
    }

    private struct Meter {
        var bytes: PathRates<UInt64>
        /// Nanoseconds.
        var time: UInt64
        var rate = PathRates(download: 0.0, upload: 0.0)
    }

    private var meters: [Key: Meter] = [:]

    /// Seconds that a rate is averaged over.
    private static let span = 0.3

    /// - Parameter bytes: what the class has carried since it was made.
    /// - Returns: bits per second.
    mutating func rate(
        _ rule: String, _ path: String, _ bytes: PathRates<UInt64>, at now: UInt64
    ) -> PathRates<Double> {
        let key = Key(rule: rule, path: path)
        guard var meter = meters[key], now > meter.time else {
            meters[key] = Meter(bytes: bytes, time: now)
            return PathRates(download: 0, upload: 0)
        }
        let seconds = Double(now - meter.time) / 1e9
        let weight = 1 - exp(-seconds / Self.span)
        for direction in PathDirection.allCases {
            // A class that was made anew counts from 0.
            let (grown, isAnew) = bytes[direction].subtractingReportingOverflow(meter.bytes[direction])
            let bits = isAnew ? 0 : Double(grown) * 8 / seconds
            meter.rate[direction] += weight * (bits - meter.rate[direction])
        }
        meter.bytes = bytes
        meter.time = now
        meters[key] = meter
        return meter.rate
    }

    mutating func keep(_ rules: Set<String>) { meters = meters.filter { rules.contains($0.key.rule) } }
}
