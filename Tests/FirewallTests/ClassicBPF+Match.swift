import Glibc
import Testing

@testable import Firewall

extension [ClassicBPF.Instruction] {
    /// struct sock_fprog (linux/filter.h), whose instructions are laid out as `ClassicBPF.Instruction` is.
    private struct Filter {
        var count: UInt16
        var instructions: UnsafeMutableRawPointer?
    }

    /// Does the program take the packet? The kernel itself runs it, as the filter of a socket, which drops what it doesn't take.
    func matches(_ packet: [UInt8]) throws -> Bool {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &ends) == 0)
        defer { ends.forEach { close($0) } }
        var program = self
        let attached = program.withUnsafeMutableBytes { instructions in
            var filter = Filter(count: UInt16(instructions.count / 8), instructions: instructions.baseAddress)
            return setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_FILTER, &filter, socklen_t(MemoryLayout<Filter>.size))
        }
        try #require(attached == 0)
        _ = packet.withUnsafeBytes { send(ends[0], $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
        var received = [UInt8](repeating: 0, count: 2048)
        return recv(ends[1], &received, received.count, Int32(MSG_DONTWAIT)) == packet.count
    }
}
