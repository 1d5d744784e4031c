/// Programs for xt_bpf, in the machine language of net/core/filter.c; the packet begins with the IP header.
enum ClassicBPF {
    struct Instruction {
        var code: UInt16
        var ifTrue: UInt8 = 0
        var ifFalse: UInt8 = 0
        var operand: UInt32 = 0
    }

    /// As `-m bpf --bytecode` takes it: the number of instructions, then code, jump if true, jump if false and operand of each.
    static func bytecode(_ program: [Instruction]) -> String {
        let words = program.map { "\($0.code) \($0.ifTrue) \($0.ifFalse) \($0.operand)" }
        return (["\(program.count)"] + words).joined(separator: ",")
    }
}
