import LinuxSystem
import PacketForge
import Wire

/// Many inputs of one kind, one behind the other: values differ, so that no read can be left out, or its branches on
/// them be learnt.
struct ParseSample {
    let name: String
    /// Bytes of each input.
    let stride: Int
    private let bytes: [UInt8]
    private static let count = 256

    private init(_ name: String, _ make: (inout SplitMix64) -> [UInt8]) {
        var generator = SplitMix64(seed: 1)
        let inputs = (0..<Self.count).map { _ in make(&generator) }
        self.name = name
        // Shorter inputs are padded with zeros, which end the options.
        let longest = inputs.map(\.count).max()!
        stride = longest
        bytes = inputs.flatMap { $0 + Array(repeating: 0, count: longest - $0.count) }
    }

    func nanosecondsPerRead(_ reads: Int, _ read: (RawSpan) -> UInt64, _ checksum: inout UInt64) -> Double {
        let span = bytes.span.bytes
        let start = MonotonicTime.now
        for index in 0..<reads {
            let offset = index % Self.count * stride
            checksum = (checksum &+ read(span.extracting(offset..<offset + stride))) &* 31
        }
        return Double(MonotonicTime.now.nanoseconds(since: start)) / Double(reads)
    }
}

extension ParseSample {
    static let blocks =
        kinds.map { kind in ParseSample(kind.name) { padded(kind.options(&$0)) } } + [
            ParseSample("any of these, in random order") { padded(kinds.randomElement(using: &$0)!.options(&$0)) }
        ]

    static let segments = [false, true].map { isIPv6 in
        ParseSample("data, timestamps, DSS, IPv\(isIPv6 ? 6 : 4)") { generator in
            var draft = PacketDraft(
                sequence: generator.word(), flags: .ack, options: padded(Kind.data.options(&generator)),
                payload: [UInt8](repeating: 0, count: 80))
            if isIPv6 {
                draft.source = Endpoint("[2001:db8::2]:43210")!
                draft.destination = Endpoint("[2001:db8:9::2]:443")!
            }
            return draft.bytes
        }
    }

    /// To four bytes, as a header has it.
    private static func padded(_ options: [UInt8]) -> [UInt8] {
        options + Array(repeating: 1, count: (4 - options.count % 4) % 4)
    }
}

/// Reads all options of a block.
@inline(never)
func readBlock(_ bytes: RawSpan) -> UInt64 { checksum(of: TCPOptions(bytes)) }

/// Reads all of a segment that tracking a connection needs.
@inline(never)
func readSegment(_ bytes: RawSpan) -> UInt64 {
    guard let segment = try? Segment(bytes) else { preconditionFailure("not a segment") }
    let ends = segment.source.address.low ^ segment.destination.address.high
    let ports = UInt64(segment.source.port ^ segment.destination.port)
    let numbers = UInt64(segment.sequence.rawValue ^ segment.acknowledgement.rawValue)
    let rest = UInt64(segment.window) ^ UInt64(segment.flags.rawValue) ^ UInt64(segment.payloadLength)
    return ends ^ ports ^ numbers ^ rest ^ checksum(of: segment.options)
}
