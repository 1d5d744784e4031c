import Wire

/// What one host has sent on one subflow.
public struct SubflowStream: Hashable, Sendable {
    /// The sequence number of its SYN; nil when that wasn't seen.
    public private(set) var initial: SequenceNumber?
    /// One past the last byte sent, SYN and FIN counting as one each.
    private var next: SequenceNumber?
    /// Bytes of payload, each counted once.
    public private(set) var bytes: UInt64 = 0
    /// Bytes of payload that were sent before.
    public private(set) var retransmittedBytes: UInt64 = 0
    public private(set) var hasFIN = false
    /// Has the host sent a segment that is neither a SYN nor a reset?
    public internal(set) var hasSpoken = false

    init() {}

    mutating func open(_ sequence: SequenceNumber) {
        initial = sequence
        next = sequence.advanced(by: 1)
    }

    /// Returns how many bytes of the payload have been sent before.
    mutating func send(_ sequence: SequenceNumber, length: Int, isFIN: Bool) -> Int {
        let start = next ?? sequence
        let end = sequence.advanced(by: length)
        let new = min(length, max(0, end.distance(from: start)))
        bytes &+= UInt64(new)
        retransmittedBytes &+= UInt64(length - new)
        let last = end.advanced(by: isFIN ? 1 : 0)
        if last.distance(from: start) > 0 || next == nil { next = last }
        if isFIN { hasFIN = true }
        return length - new
    }
}

/// What one host has sent at the data level, and what of it has been acknowledged (RFC 8684 section 3.3).
public struct DataStream: Hashable, Sendable {
    public internal(set) var state = StreamState.open
    /// One past the last byte that was mapped; nil as long as neither a key nor a mapping has been seen.
    public private(set) var next: DataSequenceNumber?
    /// What the peer expects next.
    public private(set) var acknowledged: DataSequenceNumber?
    /// Are the upper halves of these two known, from the host's key or from a number that was sent whole?
    private var isWhole = false

    init() {}

    mutating func open(_ initial: DataSequenceNumber) {
        let first = initial.advanced(by: 1)
        learnUpperHalf(.long(first))
        // A mapping that came first (the third ACK was lost to us) is better than what the key says.
        guard next == nil else { return }
        next = first
        acknowledged = first
    }

    /// A mapping of so many bytes, a DATA_FIN counting as one. Returns the whole sequence number if it can be known.
    @discardableResult
    mutating func map(_ number: DataSequenceSignal.Number, length: Int, isFIN: Bool) -> DataSequenceNumber? {
        learnUpperHalf(number)
        let start = number.expanded(near: next ?? DataSequenceNumber(0))
        let end = start.advanced(by: length)
        if next.map({ end.distance(from: $0) > 0 }) ?? true { next = end }
        if isFIN, state == .open { state = .finSent(end.advanced(by: -1)) }
        return isWhole ? start : nil
    }

    /// The peer's acknowledgement. Returns the whole number if it can be known.
    @discardableResult
    mutating func acknowledge(_ number: DataSequenceSignal.Number) -> DataSequenceNumber? {
        learnUpperHalf(number)
        let up = number.expanded(near: acknowledged ?? next ?? DataSequenceNumber(0))
        if acknowledged.map({ up.distance(from: $0) > 0 }) ?? true { acknowledged = up }
        if case .finSent(let fin) = state, up.distance(from: fin) > 0 { state = .finAcknowledged }
        return isWhole ? up : nil
    }

    /// Without the key, lower halves are counted from 0 until the first whole number says what is above them.
    private mutating func learnUpperHalf(_ number: DataSequenceSignal.Number) {
        guard !isWhole, case .long(let whole) = number else { return }
        isWhole = true
        func corrected(_ guess: DataSequenceNumber) -> DataSequenceNumber {
            DataSequenceNumber(low: UInt32(truncatingIfNeeded: guess.rawValue), near: whole)
        }
        next = next.map(corrected)
        acknowledged = acknowledged.map(corrected)
        if case .finSent(let fin) = state { state = .finSent(corrected(fin)) }
    }
}
