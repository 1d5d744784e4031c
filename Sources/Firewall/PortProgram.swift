/// A program of xt_bpf (classic BPF) that picks packets by one of their TCP ports.
enum PortProgram {
    /// Which of the two ports; the value is its offset in the TCP header.
    enum Port: Int {
        case source = 0
        case destination = 2
    }

    /// As `--bytecode` takes it: true for the packets of place `place` among `count`, 2 or more. A packet's place is half its
    /// port, since systems that draw ports often draw odd ones alone, or even ones, modulo `count`.
    ///
    /// The packet begins with its IP header; IPv6's is taken for one without extension headers, as MPTCP's segments are. What
    /// has some has a place, too, though not that of its port.
    static func bytecode(_ family: AddressFamily, _ port: Port, _ place: Int, of count: Int) -> String {
        var program: [(code: Int, jumpTrue: Int, jumpFalse: Int, value: Int)] = []
        switch family {
        case .ipv4:
            // ldx 4*([0]&0xf); ldh [x + offset]
            program.append((0xb1, 0, 0, 0))
            program.append((0x48, 0, 0, port.rawValue))
        case .ipv6:
            // ldh [40 + offset]
            program.append((0x28, 0, 0, 40 + port.rawValue))
        }
        // rsh #1; mod #count; jeq #place, 0, 1; ret #65535; ret #0
        program += [(0x74, 0, 0, 1), (0x94, 0, 0, count), (0x15, 0, 1, place), (0x06, 0, 0, 65535), (0x06, 0, 0, 0)]
        let lines = program.map { "\($0.code) \($0.jumpTrue) \($0.jumpFalse) \($0.value)" }
        return "\(lines.count)," + lines.joined(separator: ",")
    }
}
