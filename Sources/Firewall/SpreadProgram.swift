import Wire

/// The classic BPF program (xt_bpf) by which rules spread clients' SYNs over queues: by the client's port, as `PortSpread`
/// does it.
///
/// Behind extension headers of IPv6 it takes other bytes for the port: such SYNs have a place, too, and one that comes again
/// the same one.
enum SpreadProgram {
    static func bytecode(_ family: AddressFamily, place: Int, of spread: PortSpread) -> String {
        ClassicBPF.bytecode(instructions(family, place: place, of: spread))
    }

    static func instructions(
        _ family: AddressFamily, place: Int, of spread: PortSpread
    ) -> [ClassicBPF.Instruction] {
        let port: [ClassicBPF.Instruction] =
            switch family {
            // X = the IP header's length; A = 16 bits behind it.
            case .ipv4: [.init(code: 0xb1), .init(code: 0x48)]
            case .ipv6: [.init(code: 0x28, operand: 40)]
            }
        return port + [
            // A = (A >> 1) % count; is it the place?
            .init(code: 0x74, operand: 1), .init(code: 0x94, operand: UInt32(spread.count)),
            .init(code: 0x15, ifTrue: 0, ifFalse: 1, operand: UInt32(place)),
            .init(code: 0x06, operand: 0xffff), .init(code: 0x06),
        ]
    }
}
