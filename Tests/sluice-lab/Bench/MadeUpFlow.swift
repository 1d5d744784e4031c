import CBaseline
import Glibc
import Lab
import LinuxSystem
import PacketForge
import Wire

/// An MPTCP connection through a lab's box between two hosts that don't exist. The box forwards its segments on wires
/// where nobody takes them: so a reader of the box's queues is not charged for what hosts do with a packet.
final class MadeUpFlow: Sendable {
    /// The last one, which is least likely to be busy with a machine's interrupts.
    static let processor = Int32(sysconf(Int32(_SC_NPROCESSORS_ONLN))) - 1

    private let ends: [End]

    /// One of the hosts: a raw socket of the node on whose wire it would be, and what it sends next.
    private struct End {
        let socket: Int32
        let address: Endpoint
        let key: MultipathKey
        /// One past its SYN.
        let firstSequence: UInt32

        init(_ lab: Lab, _ node: Lab.Node, _ address: Endpoint, firstSequence: UInt32) throws {
            let kind = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
            socket = try lab.namespace(node).run {
                try systemCall("socket") { Glibc.socket(AF_INET, kind, Int32(IPPROTO_RAW)) }
            }
            self.address = address
            key = MultipathKey(UInt64.random(in: 1 ... .max))
            self.firstSequence = firstSequence
        }

        var firstDataSequence: DataSequenceNumber { key.initialDataSequence(version: 1).advanced(by: 1) }
    }

    private static let clientAddress = IPAddress("10.1.0.77")!
    private static let serverAddress = IPAddress("10.9.0.77")!
    /// More than what a queue copies.
    private static let payload = [UInt8](repeating: 0, count: 300)

    /// Tells the box where the hosts would be: it asks nobody.
    static func prepare(_ lab: Lab) async throws {
        for (node, address) in [(Lab.Node.client(0), clientAddress), (.server(0), serverAddress)] {
            let link = lab.links(of: node)[0]
            try await lab.run(
                in: .box,
                ["ip", "neigh", "replace", "\(address)", "lladdr", "02:00:00:00:00:77", "nud", "permanent"]
                    + ["dev", link.name])
        }
    }

    /// Each with a client's port that no other has had.
    init(_ lab: Lab) throws {
        let port = UInt16.random(in: 10_000...30_000)
        ends = [
            try End(lab, .client(0), Endpoint(address: Self.clientAddress, port: port), firstSequence: 100),
            try End(lab, .server(0), Endpoint(address: Self.serverAddress, port: 5001), firstSequence: 500),
        ]
    }

    deinit { for end in ends { close(end.socket) } }

    /// The handshake; each segment of it has time to get through a queue before the next is sent.
    func open() async throws {
        let (client, server) = (ends[0].key, ends[1].key)
        for (from, flags, form) in [
            (0, TCPFlags.syn, MPCapable.Form.bare), (1, [.syn, .ack], .key(sender: server)),
            (0, .ack, .keys(sender: client, receiver: server)),
        ] {
            var draft = draft(from: from, flags, .capable(MPCapable(version: 1, flags: .hmac, form: form)))
            draft.sequence = ends[from].firstSequence &- (flags.contains(.syn) ? 1 : 0)
            draft.acknowledgement = flags.contains(.ack) ? ends[1 - from].firstSequence : 0
            send(draft.bytes, from: from)
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Sends data in turns from one side and the other. Between bursts there is time to read them.
    func send(_ count: Int, atATime burst: Int) async throws {
        try SystemThread(named: "made-up flow") { [self] in
            _ = baseline_pin(0, Self.processor)
            // Ahead of the reader: it gets the processor when all of a burst waits.
            var first = sched_param(sched_priority: 1)
            sched_setscheduler(0, SCHED_FIFO, &first)
            for start in stride(from: 0, to: count, by: burst) {
                let packets = (start..<min(start + burst, count)).map(data)
                for (index, packet) in packets.enumerated() { send(packet, from: (start + index) % 2) }
                usleep(UInt32(100 + 25 * burst))
            }
        }.join()
    }

    /// The segment of that number. Each acknowledges all that its sender has got.
    private func data(_ number: Int) -> [UInt8] {
        let (from, turn) = (number % 2, UInt32(number / 2))
        let length = UInt32(Self.payload.count)
        let (sent, got) = (turn &* length, (turn + UInt32(from)) &* length)
        let signal = DataSequenceSignal(
            acknowledgement: .long(ends[1 - from].firstDataSequence.advanced(by: Int(got))),
            mapping: .init(
                sequence: .long(ends[from].firstDataSequence.advanced(by: Int(sent))), subflowSequence: 1 &+ sent,
                length: UInt16(length)))
        var draft = draft(from: from, .ack, .dataSequenceSignal(signal))
        draft.sequence = ends[from].firstSequence &+ sent
        draft.acknowledgement = ends[1 - from].firstSequence &+ got
        draft.payload = Self.payload
        return draft.bytes
    }

    private func draft(from: Int, _ flags: TCPFlags, _ option: MultipathOption) -> PacketDraft {
        let timestamps = [1, 1] + TCPOptionContent.timestamps(value: 1, echo: 2).bytes
        return PacketDraft(
            source: ends[from].address, destination: ends[1 - from].address, flags: flags,
            options: timestamps + option.bytes)
    }

    private func send(_ packet: [UInt8], from: Int) {
        ends[1 - from].address.withSocketAddress { address, length in
            _ = sendto(ends[from].socket, packet, packet.count, 0, address, length)
        }
    }
}
