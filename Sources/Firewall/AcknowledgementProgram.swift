/// The classic BPF program (xt_bpf) by which rules know a segment that carries nothing but an acknowledgement: no payload, and
/// no option but timestamps, SACK blocks and a DSS with a DATA_ACK alone (RFC 8684, section 3.3). Whatever else is in the
/// options, or in another order than Linux writes them, isn't known, and goes to a data queue.
///
/// The rule asks for the flags. A segment with a DSCP isn't known either: the server is to hear of a client's new one.
enum AcknowledgementProgram {
    static func bytecode(_ family: AddressFamily) -> String { ClassicBPF.bytecode(instructions(family)) }

    static func instructions(_ family: AddressFamily) -> [ClassicBPF.Instruction] {
        assembled(head(family) + rest(headerLength: headerLength(family)))
    }

    /// A is the accumulator, X the index register, M the memory. A load from behind the packet's end ends the program with no.
    private enum Step {
        case label(Label)
        case run(Operation, UInt32 = 0)
        /// Goes there unless A is the operand.
        case require(UInt32, else: Label)
        case requireX(else: Label)
        case goIfEqual(UInt32, Label)
        case goIfAny(UInt32, Label)
    }

    private enum Label { case sack, dss, yes, no }

    /// Codes of include/uapi/linux/bpf_common.h and filter.h.
    private enum Operation: UInt16 {
        case loadByte = 0x30
        case loadHalf = 0x28
        case loadByteAtX = 0x50
        case loadWordAtX = 0x40
        case loadMemory = 0x60
        case loadXMemory = 0x61
        case loadX = 0x01
        case loadXIPv4HeaderLength = 0xb1
        case store = 0x02
        case add = 0x04
        case addX = 0x0c
        case subtract = 0x14
        case subtractX = 0x1c
        case and = 0x54
        case shiftRight = 0x74
        case shiftLeft = 0x64
        case moveToX = 0x07
        case moveFromX = 0x87
        case end = 0x06
    }

    private static func headerLength(_ family: AddressFamily) -> Step {
        family == .ipv4 ? .run(.loadXIPv4HeaderLength) : .run(.loadX, 40)
    }

    /// Leaves the bytes of TCP in A, and where they begin in X.
    private static func head(_ family: AddressFamily) -> [Step] {
        switch family {
        case .ipv4:
            [
                // DSCP.
                .run(.loadByte, 1), .run(.and, 0xfc), .require(0, else: .no),
                headerLength(family), .run(.loadHalf, 2), .run(.subtractX),
            ]
        case .ipv6:
            [
                .run(.loadHalf, 0), .run(.and, 0x0fc0), .require(0, else: .no),
                // TCP behind the header, and no extension.
                .run(.loadByte, 6), .require(6, else: .no), headerLength(family), .run(.loadHalf, 4),
            ]
        }
    }

    /// M0: bytes of TCP. M1: bytes of options that are left; the next one is at X + 20.
    private static func rest(headerLength: Step) -> [Step] {
        [
            .run(.store, 0),
            // No payload: the header is all.
            .run(.loadByteAtX, 12), .run(.shiftRight, 4), .run(.shiftLeft, 2),
            .run(.loadXMemory, 0), .requireX(else: .no), headerLength,
            .run(.subtract, 20), .run(.store, 1), .goIfEqual(0, .yes),
            // NOP, NOP, timestamps of ten bytes.
            .run(.loadWordAtX, 20), .require(0x0101_080a, else: .sack),
            .run(.loadMemory, 1), .run(.subtract, 12), .run(.store, 1), .goIfEqual(0, .yes),
            .run(.moveFromX), .run(.add, 12), .run(.moveToX), .run(.loadWordAtX, 20),
            // NOP, NOP, SACK blocks.
            .label(.sack), .run(.shiftRight, 8), .require(0x01_0105, else: .dss),
            .run(.loadByteAtX, 23), .run(.add, 2), .run(.store, 2), .run(.addX), .run(.store, 3),
            .run(.loadMemory, 1), .run(.loadXMemory, 2), .run(.subtractX), .run(.store, 1), .goIfEqual(0, .yes),
            .run(.loadXMemory, 3),
            // MPTCP, which is all that is left; DSS; neither a mapping nor a DATA_FIN.
            .label(.dss), .run(.loadByteAtX, 20), .require(30, else: .no),
            .run(.loadByteAtX, 22), .run(.and, 0xf0), .require(0x20, else: .no),
            .run(.loadByteAtX, 23), .goIfAny(0x14, .no),
            .run(.loadByteAtX, 21), .run(.loadXMemory, 1), .requireX(else: .no),
            .label(.yes), .run(.end, 0xffff),
            .label(.no), .run(.end, 0),
        ]
    }

    private static func assembled(_ steps: [Step]) -> [ClassicBPF.Instruction] {
        var places: [Label: Int] = [:]
        var count = 0
        for step in steps {
            if case .label(let label) = step { places[label] = count } else { count += 1 }
        }
        var program: [ClassicBPF.Instruction] = []
        for step in steps {
            let next = program.count + 1
            let distance = { (label: Label) in UInt8(places[label]! - next) }
            switch step {
            case .label: break
            case .run(let operation, let operand):
                program.append(.init(code: operation.rawValue, operand: operand))
            case .require(let value, let label):
                program.append(.init(code: 0x15, ifFalse: distance(label), operand: value))
            case .requireX(let label): program.append(.init(code: 0x1d, ifFalse: distance(label)))
            case .goIfEqual(let value, let label):
                program.append(.init(code: 0x15, ifTrue: distance(label), operand: value))
            case .goIfAny(let bits, let label):
                program.append(.init(code: 0x45, ifTrue: distance(label), operand: bits))
            }
        }
        return program
    }
}
