import LinuxSystem

/// Something that a soak must not see.
public struct SoakFault: Sendable, Encodable, CustomStringConvertible {
    public enum Kind: String, Sendable, Encodable {
        /// Bytes came that aren't those that were sent.
        case wrongBytes = "wrong bytes"
        /// A stream ended too early.
        case cutShort = "cut short"
        /// A stream went on beyond its end.
        case surplus
        /// A connection failed, or couldn't be made.
        case failed
        /// A connection moved nothing for longer than the plan's limit.
        case stalled
        /// The first bytes of a connection don't name a transfer.
        case request = "no request"
        /// The daemon ended, or was left with something that it should have given back.
        case daemon
        /// A link couldn't be changed, or a trace not be taken.
        case disturbance
    }

    /// The bytes around a wrong one.
    public struct Damage: Sendable, Encodable {
        /// Of the first wrong byte, from the stream's beginning.
        public let offset: UInt64
        /// Wrong bytes, and from the first to the last of them, in the piece that they were found in.
        public let wrong: Int
        public let span: Int
        /// Where `expected` and `got` begin.
        public let shownFrom: UInt64
        /// 64 bytes around the first wrong one, in hexadecimal.
        public let expected: String
        public let got: String
        /// Where the bytes that came belong; nil when that can't be told.
        public let origin: String?
    }

    public let kind: Kind
    /// Which transfer; nil when none in particular.
    public let transfer: String?
    /// Its client's address and port.
    public internal(set) var client: String?
    public let details: String
    public let damage: Damage?
    /// Since the soak's beginning.
    public internal(set) var seconds = 0.0

    init(_ kind: Kind, _ transfer: SoakTransfer? = nil, _ details: String, damage: Damage? = nil) {
        self.kind = kind
        self.transfer = transfer?.description
        self.details = details
        self.damage = damage
    }

    /// Seconds since the beginning, to a tenth.
    static func text(_ seconds: Double) -> String {
        let tenths = Int(seconds * 10)
        return "at \(tenths / 10).\(tenths % 10) s"
    }

    public var description: String {
        var text =
            "\(Self.text(seconds)), \(kind.rawValue)\(transfer.map { ", \($0)" } ?? "")\(client.map { " from \($0)" } ?? ""): \(details)"
        if let damage {
            text += """

                  offset \(damage.offset) of the stream, \(damage.wrong) wrong bytes within \(damage.span)
                  from offset \(damage.shownFrom) on
                  expected \(damage.expected)
                  got      \(damage.got)
                  \(damage.origin ?? "where the bytes that came belong can't be told")
                """
        }
        return text
    }
}

extension SoakFault.Damage {
    /// What is wrong with `received`, which began at `offset` of `stream`; nil when nothing is.
    init?(
        _ received: UnsafeRawBufferPointer, _ stream: SoakStream, at offset: UInt64,
        isKnown: (SoakPattern.Place) -> Bool
    ) {
        let expected = SoakWindow.array(stream, at: offset, count: received.count)
        let differing = received.indices.filter { received[$0] != expected[$0] }
        guard let first = differing.first, let last = differing.last else { return nil }
        // The run that is located ends with what is wrong: what comes behind it is this very stream.
        let run = Array(received[first...min(last, first + Self.locatedBytes)])
        let shown = max(0, first - 32)..<min(received.count, first + 32)
        self.offset = offset + UInt64(first)
        wrong = differing.count
        span = last - first + 1
        shownFrom = offset + UInt64(shown.lowerBound)
        self.expected = Self.hexadecimal(expected[shown])
        got = Self.hexadecimal(received[shown])
        origin = SoakPattern.origin(of: run, isKnown: isKnown).map {
            Self.describe($0, expectedIn: stream, at: offset + UInt64(first + $0.matching.lowerBound))
        }
    }

    private static let locatedBytes = 16 << 10

    static func hexadecimal(_ bytes: some Collection<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func describe(
        _ origin: SoakPattern.Origin, expectedIn stream: SoakStream, at offset: UInt64
    ) -> String {
        let bytes = "the \(origin.matching.count) bytes from offset \(offset) on"
        let place = origin.place
        guard place.stream == stream else {
            let direction = place.stream.number % 2 == 1 ? "down" : "up"
            return "\(bytes) belong at offset \(place.offset) of transfer \(SoakTransfer.number(of: place.stream))'s "
                + "stream \(direction)"
        }
        let way = place.offset > offset ? "ahead" : "back"
        return
            "\(bytes) belong at offset \(place.offset) of the same stream, \(place.offset.distance(to: offset).magnitude) \(way)"
    }
}
