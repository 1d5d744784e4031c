/// What it costs to use what threads share; `sluice-lab bench cores` measures it.
public struct SharedCosts: Sendable, Hashable {
    /// Nanoseconds of one use.
    public struct Cost: Sendable, Hashable, Encodable {
        /// By a processor that also had it last.
        public let alone: Double
        /// By one that takes it over from another.
        public let contended: Double

        public init(alone: Double, contended: Double) {
            self.alone = alone
            self.contended = contended
        }

        func hold(_ lock: SharedLock) -> LockHold {
            LockHold(lock, alone: alone, contended: max(alone, contended))
        }
    }

    /// The tracker's, for a segment.
    public var syn: Cost
    public var synACK: Cost
    public var thirdACK: Cost
    public var data: Cost
    public var fin: Cost
    /// A question to the memory of servers.
    public var server: Cost
    /// A call to the table of listeners.
    public var listener: Cost
    /// What a reader of a queue adds to its counters once a turn.
    public var counters: Cost

    public init(
        syn: Cost, synACK: Cost, thirdACK: Cost, data: Cost, fin: Cost, server: Cost, listener: Cost, counters: Cost
    ) {
        self.syn = syn
        self.synACK = synACK
        self.thirdACK = thirdACK
        self.data = data
        self.fin = fin
        self.server = server
        self.listener = listener
        self.counters = counters
    }

    /// On a machine on which what is taken over costs so many times as much more than what isn't.
    public func withTransfers(_ factor: Double) -> Self {
        func scaled(_ cost: Cost) -> Cost {
            Cost(alone: cost.alone, contended: cost.alone + max(0, cost.contended - cost.alone) * factor)
        }
        return Self(
            syn: scaled(syn), synACK: scaled(synACK), thirdACK: scaled(thirdACK), data: scaled(data), fin: scaled(fin),
            server: scaled(server), listener: scaled(listener), counters: scaled(counters))
    }
}
