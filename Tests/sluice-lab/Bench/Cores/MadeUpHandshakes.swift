import PacketForge
import Wire

/// Segments of connections that exist nowhere, as many for each of two threads.
final class MadeUpHandshakes: Sendable {
    /// In the order in which they come.
    enum Segment: String, CaseIterable {
        case syn = "SYN"
        case synACK = "SYN-ACK"
        case thirdACK = "third ACK"
        case data
        case fin = "FIN"
    }

    let connections: Int
    /// By segment, thread and number.
    private let packets: [[[[UInt8]]]]

    init(connections: Int) {
        self.connections = connections
        var generator = SplitMix64(seed: 1)
        // Not in the order in which the tracker has got to know them, which a processor could foresee.
        packets = Segment.allCases.map { segment in
            (0..<2).map { thread in
                (0..<connections).shuffled(using: &generator).map { Self.packet(segment, thread, $0) }
            }
        }
    }

    func withPacket(_ segment: Segment, _ thread: Int, _ number: Int, _ body: (borrowing Wire.Segment) -> Void) {
        let bytes = packets[Segment.allCases.firstIndex(of: segment)!][thread][number]
        guard let packet = try? Wire.Segment(bytes.span.bytes) else { preconditionFailure("a draft that isn't sound") }
        body(packet)
    }

    private static func packet(_ segment: Segment, _ thread: Int, _ number: Int) -> [UInt8] {
        let client = Endpoint(
            address: IPAddress(v4: 0x0a01_0000 + UInt32(thread << 8 | number / 50_000)),
            port: UInt16(10_000 + number % 50_000))
        let server = Endpoint("10.9.0.2:443")!
        let seed = UInt64(thread) << 40 | UInt64(number)
        let (key, answer) = (MultipathKey(seed << 1), MultipathKey(seed << 1 | 1))
        func capable(_ form: MPCapable.Form) -> MultipathOption {
            .capable(MPCapable(version: 1, flags: .hmac, form: form))
        }
        let signal = DataSequenceSignal(
            acknowledgement: .long(key.initialDataSequence(version: 1).advanced(by: 1)),
            mapping: .init(
                sequence: .long(answer.initialDataSequence(version: 1).advanced(by: 1)), subflowSequence: 1,
                length: 100))
        return switch segment {
        case .syn: bytes(client, server, 99, 0, .syn, capable(.bare))
        case .synACK: bytes(server, client, 499, 100, [.syn, .ack], capable(.key(sender: answer)))
        case .thirdACK: bytes(client, server, 100, 500, .ack, capable(.keys(sender: key, receiver: answer)))
        case .data: bytes(server, client, 500, 100, .ack, .dataSequenceSignal(signal), payload: 100)
        case .fin: bytes(client, server, 100, 600, [.fin, .ack], nil)
        }
    }

    private static func bytes(
        _ source: Endpoint, _ destination: Endpoint, _ sequence: UInt32, _ acknowledgement: UInt32, _ flags: TCPFlags,
        _ option: MultipathOption?, payload: Int = 0
    ) -> [UInt8] {
        let timestamps = [1, 1] + TCPOptionContent.timestamps(value: 1, echo: 2).bytes
        var draft = PacketDraft(
            source: source, destination: destination, sequence: sequence, flags: flags,
            options: timestamps + (option?.bytes ?? []), payload: [UInt8](repeating: 0, count: payload))
        draft.acknowledgement = acknowledgement
        return draft.bytes
    }
}
