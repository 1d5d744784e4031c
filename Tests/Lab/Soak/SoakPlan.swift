/// Verified transfers through the box, for hours, while all kinds of things happen to it.
///
/// Everything is drawn from `seed`: the order of phases, of transfers and of disturbances is the same each time, their
/// coincidence is not.
public struct SoakPlan: Sendable {
    public enum Links: String, CaseIterable, Sendable {
        /// As fast as the machine: for volume.
        case unshaped
        /// Of random rate, delay, jitter and loss, which change.
        case shaped
        /// Both in turns, so that most bytes go over links without limits.
        case random
    }

    /// Is Sluice in the box, towards servers that speak TCP? Without it the box forwards, and servers speak MPTCP.
    public var hasBox = true
    public var links = Links.random
    public var seed: UInt64 = 1
    /// Payload, both directions together, after which no transfer begins any more.
    public var bytes: UInt64?
    /// The time after which none begins any more.
    public var duration: Duration?
    /// The longest stream, over links without limits.
    public var longest: UInt64 = 4_000_000_000
    /// Transfers at a time.
    public var parallel: ClosedRange<UInt64> = 1...200
    /// Of all transfers, those whose client speaks TCP.
    public var plainShare = 0.1
    /// Seconds between one disturbance and the next; nil: none are made.
    public var calm: ClosedRange<Double>? = 2...10
    /// Threads that do nothing but take processor time, now and then.
    public var busyLoops = 0
    /// How long a connection may move nothing.
    public var limit = Duration.seconds(120)
    /// After the last transfer, before what is left is looked at. Connection tracking keeps what has ended for two minutes,
    /// Sluice a listener for one.
    public var rest = Duration.seconds(130)
    /// Changes one byte of one download under way, so that it can be seen to be found. Takes links that aren't unshaped.
    public var corruptsOneByte = false
    /// Lines to append to Sluice's configuration.
    public var configuration = ""

    public init() {}

    var kinds: [SoakPhase.Kind] {
        switch links {
        case .unshaped: [.unshaped]
        case .shaped: [.shaped]
        case .random: [.unshaped, .shaped]
        }
    }
}

/// Some time of a soak with one kind of links.
struct SoakPhase: Sendable, Equatable, CustomStringConvertible {
    enum Kind: String, Sendable {
        case unshaped, shaped
    }

    /// What becomes of one link's packets, the same both ways.
    struct Shape: Sendable, Equatable, CustomStringConvertible {
        let rate: BitRate
        let delay: Duration
        let jitter: Duration
        let loss: Double

        var description: String { "\(rate):\(delay.microseconds)us:\(loss)" }
    }

    let kind: Kind
    /// Of each link of the client; none when they are unshaped.
    let shapes: [Shape]
    let parallel: Int
    let duration: Duration
    /// Payload after which the phase is over, too.
    let bytes: UInt64
    let lengths: ClosedRange<UInt64>
    let congestionControl: String

    var description: String {
        "\(kind.rawValue), \(parallel) at a time, \(congestionControl)"
            + (shapes.isEmpty ? "" : ", " + shapes.map(\.description).joined(separator: " "))
    }
}

/// What a soak does to the box and the links while they carry transfers.
enum SoakDisturbance: Sendable, Equatable, CustomStringConvertible {
    /// SIGHUP.
    case reload
    /// A trace of all packets to a file, for so long.
    case trace(Duration)
    /// The client's interface is down for so long.
    case outage(link: Int, Duration)
    /// The plan's busy loops run for so long.
    case busy(Duration)

    var description: String {
        switch self {
        case .reload: "reload"
        case .trace(let duration): "trace for \(duration)"
        case .outage(let link, let duration): "outage of link \(link) for \(duration)"
        case .busy(let duration): "busy loops for \(duration)"
        }
    }
}

/// What comes next in a soak. It decides, from a seed alone; others do.
struct SoakSchedule: Sendable {
    private let plan: SoakPlan
    private var phases: SoakRandom
    private var transfers: SoakRandom
    private var disturbances: SoakRandom
    private var phaseCount = 0
    private var issued: UInt32 = 0

    static let linkCount = 2

    init(_ plan: SoakPlan) {
        self.plan = plan
        phases = SoakRandom(seed: plan.seed, purpose: 1)
        transfers = SoakRandom(seed: plan.seed, purpose: 2)
        disturbances = SoakRandom(seed: plan.seed, purpose: 3)
    }

    mutating func nextPhase() -> SoakPhase {
        let kind = plan.kinds[phaseCount % plan.kinds.count]
        phaseCount += 1
        // Loss and bbr make each other's acquaintance, but bulk through queues goes several times as fast by cubic.
        let congestionControl = phases.chance(0.8) ? "cubic" : phases.chance(0.5) ? "bbr" : "reno"
        return kind == .unshaped ? unshaped(congestionControl) : shaped(congestionControl)
    }

    private mutating func unshaped(_ congestionControl: String) -> SoakPhase {
        let parallel = phases.logarithmic(plan.parallel)
        // Many at a time are shorter, so that they have all ended soon after their phase.
        let longest = min(plan.longest, plan.bytes.map { max($0 / 8, 1) } ?? .max) / parallel.squareRoot
        return SoakPhase(
            kind: .unshaped, shapes: [], parallel: Int(parallel), duration: phases.seconds(20...60),
            bytes: plan.bytes.map { max($0 / 4, 1) } ?? .max, lengths: 1...max(longest, 1),
            congestionControl: congestionControl)
    }

    private mutating func shaped(_ congestionControl: String) -> SoakPhase {
        let shapes = (0..<Self.linkCount).map { _ in
            let delay = Duration.microseconds(Int64(phases.logarithmic(100...60_000)))
            return SoakPhase.Shape(
                rate: .kbit(phases.logarithmic(5_000...1_000_000)), delay: delay,
                jitter: delay * Double.random(in: 0...0.2, using: &phases),
                loss: phases.chance(0.5) ? 0 : Double(phases.logarithmic(1...200)) / 10_000)
        }
        let rate = shapes.reduce(0) { $0 + $1.rate.bitsPerSecond }
        // A megabit a second each, and three seconds for the longest.
        let parallel = min(phases.logarithmic(plan.parallel), max(plan.parallel.lowerBound, rate / 1_000_000))
        let longest = min(plan.longest, rate / 8 * 3, plan.bytes.map { max($0 / 8, 1) } ?? .max) / parallel.squareRoot
        return SoakPhase(
            kind: .shaped, shapes: shapes, parallel: Int(parallel), duration: phases.seconds(8...15),
            bytes: plan.bytes.map { max($0 / 4, 1) } ?? .max, lengths: 1...max(longest, 1),
            congestionControl: congestionControl)
    }

    /// The next transfer of a phase, by the client at `client`, of at most `budget` bytes. `budget` is at least 1.
    mutating func nextTransfer(_ phase: SoakPhase, client: Int, budget: UInt64) -> SoakTransfer {
        let way = Double.random(in: 0..<1, using: &transfers)
        var down = way < 0.8 ? transfers.logarithmic(phase.lengths) : 0
        var up = way < 0.4 ? 0 : transfers.logarithmic(phase.lengths)
        // Alone downwards 40, alone upwards 20, both ways 40 of a hundred.
        down = min(down, budget)
        up = min(up, budget - down)
        defer { issued += 1 }
        return SoakTransfer(
            number: issued, client: client, family: transfers.chance(0.5) ? .v4 : .v6,
            transport: transfers.chance(plan.plainShare) ? .tcp : .mptcp, up: up, down: down,
            congestionControl: phase.congestionControl)
    }

    /// Streams have so many names.
    var isExhausted: Bool { 2 * issued + 2 > SoakStream.limit }

    /// The next disturbance, and how long to wait for it; nil when the plan wants none.
    mutating func nextDisturbance() -> (calm: Duration, SoakDisturbance)? {
        guard let calm = plan.calm else { return nil }
        let pause = disturbances.seconds(calm)
        var choices: [SoakDisturbance] = [
            .outage(
                link: Int.random(in: 0..<Self.linkCount, using: &disturbances), disturbances.seconds(0.3...5))
        ]
        if plan.hasBox { choices += [.reload, .trace(disturbances.seconds(0.5...6))] }
        if plan.busyLoops > 0 { choices.append(.busy(disturbances.seconds(0.5...5))) }
        return (pause, choices.randomElement(using: &disturbances)!)
    }
}

extension UInt64 {
    fileprivate var squareRoot: UInt64 { Swift.max(1, UInt64(Double(self).squareRoot())) }
}
