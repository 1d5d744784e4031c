import Steering

/// A path of 100 Mbit/s each way unless told otherwise, and what is read of it each tenth of a second.
struct PathFeed {
    static let step: UInt64 = 100_000_000
    static let begin: UInt64 = 50_000_000_000

    var monitor: PathMonitor
    var reading = PathReading()
    var isCapUsed = false
    private(set) var now = begin

    init(capacity: UInt64? = 100_000_000, upload: UInt64? = 100_000_000, cap: VolumeCap? = nil) {
        monitor = PathMonitor(
            Path(
                name: "link", selector: .interface("eth0"),
                capacity: PathRates(download: capacity, upload: upload), cap: cap), at: Self.begin)
        monitor.note(reading, at: now)
    }

    var figures: PathFigures { monitor.figures }

    /// - Parameter rate: bits per second of all; `own` of the box's.
    mutating func run(
        _ seconds: Double, rate: Double = 0, own: Double? = nil, upload: Double = 0, sent: UInt64 = 0,
        retransmitted: UInt64 = 0
    ) {
        for _ in 0..<Int((seconds * 10).rounded()) {
            now += Self.step
            reading.total.download &+= UInt64(rate / 80)
            reading.total.upload &+= UInt64(upload / 80)
            reading.own.download &+= UInt64((own ?? rate) / 80)
            reading.sent = sent
            reading.retransmitted = retransmitted
            monitor.note(reading, isCapUsed: isCapUsed, at: now)
        }
    }

    /// Runs until the state is this one; infinity if it isn't within ten seconds.
    mutating func time(
        until state: PathState, rate: Double = 0, sent: UInt64 = 0, retransmitted: UInt64 = 0
    ) -> Double {
        for step in 0...100 {
            if monitor.state == state { return Double(step) / 10 }
            run(0.1, rate: rate, sent: sent, retransmitted: retransmitted)
        }
        return .infinity
    }
}
