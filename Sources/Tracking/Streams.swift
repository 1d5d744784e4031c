import HandOver
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

    /// When the host's last segment was seen that was no SYN.
    var lastSeen: UInt64 = 0
    /// Has the host mapped data of its, whether or not they were in the same segment?
    var hasMapped = false

    /// RFC 7323 section 2.3.
    private static let largestWindow = 1 << 30

    init() {}

    /// Does this number acknowledge the SYN, and nothing that has not been sent?
    func isAcknowledged(by number: SequenceNumber) -> Bool {
        guard let initial, let next else { return false }
        return number.distance(from: initial) > 0 && next.distance(from: number) >= 0
    }

    /// Does a segment with this number, and payload of one byte at most, only ask for an acknowledgement?
    func isProbe(_ sequence: SequenceNumber) -> Bool { next.map { sequence.advanced(by: 1) == $0 } ?? false }

    mutating func open(_ sequence: SequenceNumber) {
        initial = sequence
        next = sequence.advanced(by: 1)
    }

    /// What the peer acknowledges has been sent, also if it has gone by unseen. Returns the bytes that this is news of.
    mutating func acknowledge(_ number: SequenceNumber) -> UInt64 {
        guard let next, case let unseen = number.distance(from: next), (1...Self.largestWindow).contains(unseen) else {
            return 0
        }
        self.next = number
        bytes &+= UInt64(unseen)
        return UInt64(unseen)
    }

    /// Returns how many bytes of the payload have been sent before. What a gap leaves out has been sent, too: it was lost
    /// or is late, and comes as if for the second time.
    mutating func send(_ sequence: SequenceNumber, length: Int, isFIN: Bool) -> Int {
        // Beyond any window, either way: much has gone by unseen, or this segment is no part of the stream. To go on from
        // here is right in the one case, and in the other mended by the next segment.
        if let next, abs(sequence.distance(from: next)) > Self.largestWindow { self.next = sequence }
        let start = next ?? sequence
        let end = sequence.advanced(by: length)
        let advance = max(0, end.distance(from: start))
        let new = min(length, advance)
        bytes &+= UInt64(advance)
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
        // A mapping may have come first, when the third ACK was lost: it knew the lower half for certain, and the key
        // tells the upper one.
        next = next?.moved(near: first) ?? first
        acknowledged = acknowledged?.moved(near: first) ?? first
        if case .finSent(let fin) = state { state = .finSent(fin.moved(near: first)) }
        isWhole = true
    }

    /// A mapping of so many bytes, a DATA_FIN counting as one. Returns the whole sequence number.
    @discardableResult
    mutating func map(_ number: DataSequenceSignal.Number, length: Int, isFIN: Bool) -> DataSequenceNumber {
        learnUpperHalf(number)
        let start = number.expanded(near: next ?? DataSequenceNumber(0))
        let end = start.advanced(by: length)
        if next.map({ end.distance(from: $0) > 0 }) ?? true { next = end }
        if isFIN, state == .open { state = .finSent(end.advanced(by: -1)) }
        return start
    }

    /// The peer's acknowledgement. Returns the whole number.
    @discardableResult
    mutating func acknowledge(_ number: DataSequenceSignal.Number) -> DataSequenceNumber {
        learnUpperHalf(number)
        let up = number.expanded(near: acknowledged ?? next ?? DataSequenceNumber(0))
        if acknowledged.map({ up.distance(from: $0) > 0 }) ?? true { acknowledged = up }
        if case .finSent(let fin) = state, up.distance(from: fin) > 0 { state = .finAcknowledged }
        return up
    }

    /// A number of this stream with 64 bits; nil if its upper half can't be known.
    func whole(_ number: DataSequenceSignal.Number) -> DataSequenceNumber? {
        if case .long(let whole) = number { return whole }
        return isWhole ? (next ?? acknowledged).map(number.expanded(near:)) : nil
    }

    /// Without the key, lower halves are counted from 0 until the first whole number says what is above them.
    private mutating func learnUpperHalf(_ number: DataSequenceSignal.Number) {
        guard !isWhole, case .long(let whole) = number else { return }
        isWhole = true
        next = next?.moved(near: whole)
        acknowledged = acknowledged?.moved(near: whole)
        if case .finSent(let fin) = state { state = .finSent(fin.moved(near: whole)) }
    }
}

extension DataSequenceNumber {
    /// The number nearest to `reference` with the same lower half.
    fileprivate func moved(near reference: Self) -> Self {
        Self(low: UInt32(truncatingIfNeeded: rawValue), near: reference)
    }
}

// In the record of a hand-over.

extension SubflowStream {
    func write(to writer: inout RecordWriter) {
        writer.write(initial) { $0.write($1.rawValue) }
        writer.write(next) { $0.write($1.rawValue) }
        for count in [bytes, retransmittedBytes, lastSeen] { writer.write(count) }
        for flag in [hasFIN, hasSpoken, hasMapped] { writer.write(flag) }
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        initial = try reader.optional { (reader) throws(RecordError) in SequenceNumber(try reader.number()) }
        next = try reader.optional { (reader) throws(RecordError) in SequenceNumber(try reader.number()) }
        bytes = try reader.number()
        retransmittedBytes = try reader.number()
        lastSeen = try reader.number()
        hasFIN = try reader.flag()
        hasSpoken = try reader.flag()
        hasMapped = try reader.flag()
    }
}

extension DataStream {
    func write(to writer: inout RecordWriter) {
        switch state {
        case .open: writer.write(UInt8(0))
        case .finSent(let number):
            writer.write(UInt8(1))
            writer.write(number.rawValue)
        case .finAcknowledged: writer.write(UInt8(2))
        }
        writer.write(next) { $0.write($1.rawValue) }
        writer.write(acknowledged) { $0.write($1.rawValue) }
        writer.write(isWhole)
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        switch try reader.number(UInt8.self) {
        case 0: state = .open
        case 1: state = .finSent(DataSequenceNumber(try reader.number()))
        case 2: state = .finAcknowledged
        default: throw .value("state of a stream")
        }
        next = try reader.optional { (reader) throws(RecordError) in DataSequenceNumber(try reader.number()) }
        acknowledged = try reader.optional { (reader) throws(RecordError) in DataSequenceNumber(try reader.number()) }
        isWhole = try reader.flag()
    }
}
