import CLinux
import Glibc
import SystemPackage

/// A TUN device that exists for as long as this object: packets written to it, by any thread, enter the stack as if they had
/// come in on an interface of that name.
public final class TunDevice: Sendable {
    public let name: String
    private let descriptor: Descriptor

    /// Creates the device in the network namespace of the calling thread and brings it up.
    public init(_ name: String) throws(SystemError) {
        let device = Descriptor(
            owning: try systemCall("open /dev/net/tun") { open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC) })
        try systemCall("TUNSETIFF \(name)") { sluice_tun_attach(device.rawValue, name) }
        // A new device inherits net.ipv6.conf.default, by which a router may have IPv6 off where it isn't asked for; where
        // the kernel has no IPv6, there is no such file.
        try? Sysctl.write("net/ipv6/conf/\(name)/disable_ipv6", "0")
        try NetworkInterface.bringUp(name)
        descriptor = device
        self.name = name
    }

    /// Takes over the device of this name, which another process has created; it exists as long as either has it.
    public init(_ name: String, owning device: consuming Descriptor) {
        descriptor = device
        self.name = name
    }

    /// For another process.
    public var rawValue: Int32 { descriptor.rawValue }

    /// Puts one IP packet into the stack; the kernel has processed it up to its socket when this returns.
    public func inject(_ packet: UnsafeRawBufferPointer) -> Result<Int, Errno> {
        systemCallResult { write(descriptor.rawValue, packet.baseAddress, packet.count) }
    }
}
