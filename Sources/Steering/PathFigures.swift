/// What is known of a path now.
public struct PathFigures: Hashable, Sendable {
    public var isUp = true
    /// Bits per second of all that it carries, averaged over the last some tenths of a second.
    public var total = PathRates(download: 0.0, upload: 0.0)
    /// Of these, those of connections that end at the box.
    public var own = PathRates(download: 0.0, upload: 0.0)
    /// Bits per second that the box sends by those of its subflows that are asked, those sent again included. It is more
    /// than `own.download` while a queue behind the box fills up.
    public var ownSent = 0.0
    /// Bits per second, as configured or learned; nil while it isn't known.
    public var capacity = PathRates<Double?>(download: nil, upload: nil)
    /// Microseconds, smoothed over the active subflows; nil when none has been active lately.
    public var roundTripTime: Double?
    /// Microseconds; the mean of the shortest ones that the active subflows have had.
    public var shortestRoundTripTime: Double?
    /// The share of bytes that were sent again, over the last second or two.
    public var loss = 0.0
    public var subflows = 0
    public var active = 0
    /// Subflows that wait for an overdue acknowledgement while no other has had one; 0 if some has.
    public var silent = 0
    /// Has it carried all that it may in this period?
    public var isCapUsed = false

    public init() {}

    /// The largest share of its capacity that is used in either direction; nil while no capacity is known.
    public var use: (share: Double, direction: PathDirection)? { use(of: total) }

    func use(of total: PathRates<Double>) -> (share: Double, direction: PathDirection)? {
        let shares = PathDirection.allCases.compactMap { direction in
            knownCapacity(direction).map { (share: total[direction] / $0, direction: direction) }
        }
        return shares.max { $0.share < $1.share }
    }

    /// What isn't the box's, as a share of the capacity, or of all if that isn't known.
    public var othersShare: Double {
        PathDirection.allCases.map { direction in
            // A queue before the interface's counter holds back what is sent, one behind it what is acknowledged.
            let own = direction == .download ? max(own.download, ownSent) : own.upload
            let others = max(0, total[direction] - own)
            let whole = knownCapacity(direction) ?? max(total[direction], 1)
            return others / whole
        }.max() ?? 0
    }

    private func knownCapacity(_ direction: PathDirection) -> Double? {
        capacity[direction].flatMap { $0 > 0 ? $0 : nil }
    }
}

extension PathRates {
    public subscript(direction: PathDirection) -> Value {
        get { direction == .download ? download : upload }
        set { if direction == .download { download = newValue } else { upload = newValue } }
    }
}
