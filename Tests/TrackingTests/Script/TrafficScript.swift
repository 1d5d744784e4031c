import PacketForge
import Wire

@testable import Tracking

/// Bytes as a sequence of segments. Few endpoints, keys and tokens, so that they meet and collide; most of what is sent
/// is right, as HMACs and keys that are never right lead nowhere. Any bytes are a script.
struct TrafficScript {
    private var bytes: ArraySlice<UInt8>
    private let lines: [Line]
    private let scene: Scene

    /// Groups 0 and 3 have the same keys at different hosts, group 2 speaks version 0.
    private static let secrets = [Secrets(1, 2), Secrets(3, 4), Secrets(5, 6, version: 0), Secrets(1, 2)]

    /// So small that all bounds are met.
    static let limits = Tracker.Limits(
        connections: 5, subflows: 3, embryonicTime: 2000, liveTime: 9000, overTime: 3000)

    init(_ bytes: [UInt8], _ scene: Scene) {
        self.bytes = bytes[...]
        self.scene = scene
        lines = [
            ("10.1.0.2:1000", "10.9.0.2:80"), ("10.1.0.2:1001", "10.9.0.2:80"),
            ("[2001:db8::2]:1002", "[2001:db8:9::2]:80"), ("10.1.0.3:1000", "10.9.0.3:80"),
            ("10.2.0.2:1000", "10.9.0.2:80"), ("10.2.0.2:1001", "10.9.0.2:8080"), ("10.1.0.2:4000", "10.9.0.2:2000"),
            ("10.1.0.2:80", "10.1.0.2:80"),
        ].map { Line(scene, $0.0, $0.1) }
    }

    private mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

    /// Plays up to the end; `check` is called after each segment.
    mutating func play(_ check: (Scene) -> Void) {
        var steps = 0
        while !bytes.isEmpty, steps < 400 {
            let step = Step(operation: byte(), place: byte(), value: byte())
            for draft in drafts(step) {
                scene.now &+= 3
                scene.see(draft)
                check(scene)
            }
            steps += 1
        }
    }

    private struct Step {
        let operation: UInt8
        let place: UInt8
        let value: UInt8

        var line: Int { Int(place & 7) }
        var sender: Host { place & 8 == 0 ? .client : .server }
        var group: Int { Int(place >> 5 & 3) }
        /// Something in it is to be wrong.
        var isSpoilt: Bool { place & 0x10 != 0 }
    }

    private mutating func drafts(_ step: Step) -> [PacketDraft] {
        let line = lines[step.line]
        let secrets = Self.secrets[step.group]
        let (sender, offset) = (step.sender, Int(Int8(bitPattern: step.value)))
        switch step.operation % 24 {
        case 0: return handshake(line, secrets)
        case 1: return join(line, secrets, by: sender, id: step.value)
        case 2: return [spoil(line.lose(.client, .syn, [secrets.synOption]), step)]
        case 3: return [spoil(line.lose(.server, [.syn, .ack], [secrets.synAckOption]), step)]
        case 4: return [spoil(line.lose(.client, .ack, [secrets.ackOption]), step)]
        case 5: return [spoil(line.lose(.client, .ack, [secrets.ackOption(data: 9)], payload: 9), step)]
        case 6: return [spoil(line.lose(sender, .syn, [secrets.joinSYN(by: sender, id: step.value & 3)]), step)]
        case 7:
            let option = secrets.joinSYNACK(by: sender, id: step.value & 3, isBackup: step.value & 4 != 0)
            return [spoil(line.lose(sender, [.syn, .ack], [option]), step)]
        case 8: return [spoil(line.lose(sender, .ack, [secrets.joinACK(by: sender)]), step)]
        case 9:
            let signal = Signal.map(
                secrets.data(sender, offset), length: 12, acknowledging: secrets.data(sender.peer, offset),
                isFIN: step.isSpoilt)
            return [line.lose(sender, .ack, [signal], payload: 12)]
        case 10:
            let signal = Signal.mapShort(
                secrets.data(sender, offset * 1 << 24), length: 1, acknowledging: secrets.data(sender.peer, offset),
                isFIN: true)
            return [line.lose(sender, .ack, [signal])]
        case 11: return [line.lose(sender, .ack, [Signal.acknowledge(secrets.data(sender.peer, offset))])]
        case 12:
            let address = lines[Int(step.value & 7)].ends[sender].address
            let option = secrets.addAddress(by: sender, id: step.value >> 3, address, port: step.value > 99 ? 80 : nil)
            return [spoil(line.lose(sender, .ack, [option]), step)]
        case 13:
            let ids = (0...step.value >> 6).map { AddressID(step.value & 3 &+ $0) }
            return [line.lose(sender, .ack, [.removeAddress(RemovedAddresses(ids)!)])]
        default: return more(step, line, secrets)
        }
    }

    private mutating func more(_ step: Step, _ line: Line, _ secrets: Secrets) -> [PacketDraft] {
        let (sender, value) = (step.sender, step.value)
        switch step.operation % 24 {
        case 14:
            let id = step.isSpoilt ? AddressID(value >> 1) : nil
            return [line.lose(sender, .ack, [.priority(MPPriority(isBackup: value & 1 == 0, addressID: id))])]
        case 15: return [spoil(line.lose(sender, value > 99 ? .rst : .ack, [secrets.fastClose(by: sender)]), step)]
        case 16: return [line.lose(sender, [.rst], step.isSpoilt ? [.reset(MPReset(flags: 0, reason: value))] : [])]
        case 17: return [line.lose(sender, [.fin, .ack], payload: Int(value & 1))]
        case 18: return [line.lose(sender, .ack, payload: Int(value))]
        case 19: return [line.lose(sender, value > 99 ? .rst : .ack, [.fail(secrets.data(sender, Int(value)))])]
        case 20: return [line.lose(sender, .ack, [Signal.map(secrets.data(sender), length: 0)], payload: 1)]
        case 21:
            scene.now &+= step.isSpoilt ? 0 &- UInt64(value) * 50 : UInt64(value) * 50
            line.next[sender] &+= UInt32(value) << 24
            return []
        case 22: return [raw(line, step)]
        default:
            let echo = AddAddress(kind: .echo, addressID: AddressID(value), address: IPAddress(v4: 1), port: nil)
            return [line.lose(sender, .ack, [.addAddress(echo)])]
        }
    }

    private func handshake(_ line: Line, _ secrets: Secrets) -> [PacketDraft] {
        [
            line.lose(.client, .syn, [secrets.synOption]),
            line.lose(.server, [.syn, .ack], [secrets.synAckOption]),
            line.lose(.client, .ack, [secrets.ackOption]),
        ]
    }

    private func join(_ line: Line, _ secrets: Secrets, by host: Host, id: UInt8) -> [PacketDraft] {
        [
            line.lose(host, .syn, [secrets.joinSYN(by: host, id: id & 3)]),
            line.lose(host.peer, [.syn, .ack], [secrets.joinSYNACK(by: host.peer, id: id >> 2 & 3)]),
            line.lose(host, .ack, [secrets.joinACK(by: host)]),
            line.lose(host.peer, .ack, [Signal.acknowledge(secrets.data(host))]),
        ]
    }

    /// Flags, a jump of the sequence number, and up to forty bytes of options as the script has them.
    private mutating func raw(_ line: Line, _ step: Step) -> PacketDraft {
        var draft = line.lose(step.sender, TCPFlags(rawValue: byte()), [])
        if step.isSpoilt { draft.sequence &+= UInt32(byte()) << 24 }
        for _ in 0..<min(40, step.value) { draft.options.append(byte()) }
        return draft
    }

    /// Another bit in the options, or none of them at all.
    private func spoil(_ draft: PacketDraft, _ step: Step) -> PacketDraft {
        guard step.isSpoilt else { return draft }
        var draft = draft
        let bit = Int(step.value) % (draft.options.count * 8 + 8)
        if bit / 8 < draft.options.count { draft.options[bit / 8] ^= 1 << UInt8(bit % 8) } else { draft.options = [] }
        return draft
    }
}
