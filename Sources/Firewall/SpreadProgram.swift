import Wire

/// The classic BPF program (xt_bpf) by which rules spread a client's segments over queues: by the client's port, as
/// `PortSpread` does it.
///
/// Behind extension headers of IPv6 it takes other bytes for the port: such segments have a place, too, and those of a
/// connection the same one.
enum SpreadProgram {
    /// Who has sent the segment: the client's port is its source or its destination.
    enum Sender: UInt32 {
        case client = 0
        case box = 2
    }

    static func bytecode(_ family: AddressFamily, from sender: Sender, place: Int, of spread: PortSpread) -> String {
        ClassicBPF.bytecode(instructions(family, from: sender, place: place, of: spread))
    }

    static func instructions(
        _ family: AddressFamily, from sender: Sender, place: Int, of spread: PortSpread
    ) -> [ClassicBPF.Instruction] {
        let port: [ClassicBPF.Instruction] =
            switch family {
            // X = the IP header's length; A = 16 bits behind it.
            case .ipv4: [.init(code: 0xb1), .init(code: 0x48, operand: sender.rawValue)]
            case .ipv6: [.init(code: 0x28, operand: 40 + sender.rawValue)]
            }
        return port + [
            // A = (A >> 1) % count; is it the place?
            .init(code: 0x74, operand: 1), .init(code: 0x94, operand: UInt32(spread.count)),
            .init(code: 0x15, ifTrue: 0, ifFalse: 1, operand: UInt32(place)),
            .init(code: 0x06, operand: 0xffff), .init(code: 0x06),
        ]
    }
}
