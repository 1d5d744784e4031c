import PacketForge
import Wire

/// A packet whose fields are written over from one sending to the next, without allocating. Nobody here asks for the
/// checksums of TCP, and the kernel fills in that of IPv4 itself.
struct PacketTemplate {
    private(set) var bytes: [UInt8]

    init(_ draft: PacketDraft) { bytes = draft.bytes }

    /// In network order.
    mutating func write<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Value.self) }
    }
}

extension PacketTemplate {
    /// Where fields are in a TCP segment over IPv4 without options.
    enum Field {
        static let source = 12
        static let sourcePort = 20
        static let sequence = 24
        static let acknowledgement = 28
        // Behind timestamps and their padding, which take 12 bytes.
        static let dataAcknowledgement = 56
        static let dataSequence = 64
        static let subflowSequence = 72
    }

    static let timestamps = [1, 1] + TCPOptionContent.timestamps(value: 1, echo: 2).bytes
}

/// An MPTCP connection between two hosts that don't exist, both of which send data in turns.
struct MadeUpConnection {
    static let payload = 100

    let ends: [Endpoint]
    private let keys: [MultipathKey]
    private let firstData: [DataSequenceNumber]
    private var data: [PacketTemplate] = []
    private var turn: UInt32 = 0

    /// Its client's number makes the client's port and both keys.
    init(_ number: Int, server: Endpoint = Endpoint("127.9.0.2:80")!) {
        let client = Endpoint(address: IPAddress(v4: 0x7f01_0002), port: UInt16(10_000 + number))
        ends = [client, server]
        keys = [MultipathKey(UInt64(number) << 1), MultipathKey(UInt64(number) << 1 | 1)]
        firstData = keys.map { $0.initialDataSequence(version: 1).advanced(by: 1) }
        data = [0, 1].map { from in
            let signal = DataSequenceSignal(
                acknowledgement: .long(firstData[1 - from]),
                mapping: .init(
                    sequence: .long(firstData[from]), subflowSequence: 1, length: UInt16(Self.payload)))
            return PacketTemplate(draft(from, .ack, .dataSequenceSignal(signal), payload: Self.payload))
        }
    }

    /// SYN, SYN-ACK and the ACK behind it.
    var handshake: [[UInt8]] {
        let forms: [(Int, TCPFlags, MPCapable.Form)] = [
            (0, .syn, .bare), (1, [.syn, .ack], .key(sender: keys[1])),
            (0, .ack, .keys(sender: keys[0], receiver: keys[1])),
        ]
        return forms.map { from, flags, form in
            draft(from, flags, .capable(MPCapable(version: 1, flags: .hmac, form: form))).bytes
        }
    }

    /// Hands out the next segment with data: new ones each time, that acknowledge all that came before.
    mutating func withNext<Result>(_ body: (_ from: Int, [UInt8]) throws -> Result) rethrows -> Result {
        let (from, step) = (Int(turn % 2), UInt32(Self.payload))
        let (sent, got) = (turn / 2 &* step, (turn / 2 &+ UInt32(from)) &* step)
        turn &+= 1
        data[from].write(firstSequence(from) &+ sent, at: PacketTemplate.Field.sequence)
        data[from].write(firstSequence(1 - from) &+ got, at: PacketTemplate.Field.acknowledgement)
        data[from].write(
            firstData[1 - from].advanced(by: Int(got)).rawValue, at: PacketTemplate.Field.dataAcknowledgement)
        data[from].write(firstData[from].advanced(by: Int(sent)).rawValue, at: PacketTemplate.Field.dataSequence)
        data[from].write(1 &+ sent, at: PacketTemplate.Field.subflowSequence)
        return try body(from, data[from].bytes)
    }

    private func firstSequence(_ from: Int) -> UInt32 { from == 0 ? 100 : 500 }

    private func draft(
        _ from: Int, _ flags: TCPFlags, _ option: MultipathOption, payload: Int = 0
    ) -> PacketDraft {
        var draft = PacketDraft(
            source: ends[from], destination: ends[1 - from],
            sequence: firstSequence(from) &- (flags.contains(.syn) ? 1 : 0), flags: flags,
            options: PacketTemplate.timestamps + option.bytes, payload: [UInt8](repeating: 0, count: payload))
        draft.acknowledgement = flags.contains(.ack) ? firstSequence(1 - from) : 0
        return draft
    }
}
