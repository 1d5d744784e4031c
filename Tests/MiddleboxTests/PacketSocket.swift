import Glibc
import Lab
import LinuxSystem
import SystemPackage

/// An AF_PACKET socket on one interface (packet(7)): it sends and receives whole IP packets, however wrong they are, and
/// never meets the rules or sockets of its own machine.
final class PacketSocket: Sendable {
    private let descriptor: Descriptor
    private let index: Int32
    /// The EtherType.
    private let type: UInt16

    /// Made in the calling thread's namespace.
    init(interface: String, _ family: IPFamily) throws(SystemError) {
        index = Int32(bitPattern: if_nametoindex(interface))
        guard index != 0 else { throw SystemError("interface \(interface)", Errno(rawValue: errno)) }
        type = family == .v4 ? 0x0800 : 0x86dd
        let number = Int32(type.bigEndian)
        let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = Descriptor(owning: try systemCall("packet socket") { socket(AF_PACKET, kind, number) })
        let raw = descriptor.rawValue
        var room: Int32 = 64 << 20
        try systemCall("SO_RCVBUFFORCE") {
            setsockopt(raw, SOL_SOCKET, SO_RCVBUFFORCE, &room, socklen_t(MemoryLayout<Int32>.size))
        }
        try Self.withAddress(type, index, hardware: []) { address, length throws(SystemError) in
            try systemCall("bind \(interface)") { bind(raw, address, length) }
        }
    }

    /// Puts a packet on the wire, to the link-layer address `hardware`.
    func send(_ packet: [UInt8], to hardware: [UInt8]) throws(SystemError) {
        try Self.withAddress(type, index, hardware: hardware) { address, length throws(SystemError) in
            try systemCall("send packet") {
                sendto(descriptor.rawValue, packet, packet.count, 0, address, length)
            }
        }
    }

    /// All packets that wait.
    func receive() -> [[UInt8]] {
        var packets: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: 2048)
        while case .success(let count) = systemCallResult({
            recv(descriptor.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        }) {
            packets.append(Array(buffer[..<count]))
        }
        return packets
    }

    /// struct sockaddr_ll of linux/if_packet.h, which Glibc's module map leaves out.
    private static func withAddress(
        _ type: UInt16, _ index: Int32, hardware: [UInt8],
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemError) -> Void
    ) throws(SystemError) {
        let address = UnsafeMutableRawBufferPointer.allocate(byteCount: 20, alignment: 8)
        defer { address.deallocate() }
        address.initializeMemory(as: UInt8.self, repeating: 0)
        address.storeBytes(of: sa_family_t(AF_PACKET), as: sa_family_t.self)
        address.storeBytes(of: type.bigEndian, toByteOffset: 2, as: UInt16.self)
        address.storeBytes(of: index, toByteOffset: 4, as: Int32.self)
        address[11] = UInt8(hardware.count)
        for (offset, byte) in hardware.enumerated() { address[12 + offset] = byte }
        try body(address.baseAddress!.assumingMemoryBound(to: sockaddr.self), 20)
    }
}
