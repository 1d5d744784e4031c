import PacketForge
import Wire

extension Load {
    static let parsing = [
        Load(name: "parse-data") { ParseWork([dataSegment]) },
        Load(name: "parse-syn") { ParseWork([MadeUpConnection(1).handshake[0]]) },
        // All kinds of options there are, in all their forms, and what is malformed.
        Load(name: "parse-any") {
            var generator = SplitMix64(seed: 1)
            return ParseWork((0..<512).map { _ in anySegment(&generator) })
        },
    ]

    private static var dataSegment: [UInt8] {
        var connection = MadeUpConnection(1)
        return connection.withNext { _, packet in packet }
    }

    private static func anySegment(_ generator: inout SplitMix64) -> [UInt8] {
        var options: [UInt8] = []
        while options.count < 40 {
            let next = TCPOptionContent.random(using: &generator).bytes
            guard options.count + next.count <= 40 else { break }
            options += next
        }
        var draft = PacketDraft(
            sequence: generator.word(), flags: TCPFlags(rawValue: generator.word()), options: options)
        if Bool.random(using: &generator) {
            draft.source = Endpoint("[2001:db8::2]:43210")!
            draft.destination = Endpoint("[2001:db8:9::2]:443")!
        }
        var bytes = draft.bytes
        // One in four is damaged.
        if Int.random(in: 0..<4, using: &generator) == 0 {
            bytes[Int.random(in: bytes.indices, using: &generator)] = generator.word()
        }
        return bytes
    }
}

/// Reads headers and all options of segments.
private final class ParseWork: Work {
    private let packets: [[UInt8]]

    init(_ packets: [[UInt8]]) { self.packets = packets }

    func run(_ count: Int) {
        for index in 0..<count {
            let packet = packets[index % packets.count]
            read(packet.span.bytes)
        }
    }

    private func read(_ bytes: RawSpan) {
        do throws(WireError) {
            let segment = try Segment(bytes)
            use(segment.source)
            use(segment.destination)
            use(segment.sequence)
            use(segment.acknowledgement)
            use(segment.flags)
            use(segment.payloadLength)
            var options = segment.options
            while let option = try options.next() { use(try option.content()) }
        } catch {
            use(error)
        }
    }
}

/// For all that the optimizer knows, what it is given is needed.
@inline(never) @_optimize(none)
func use<Value>(_ value: borrowing Value) {}
