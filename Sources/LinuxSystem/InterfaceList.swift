import Glibc
import Wire

extension NetworkInterface {
    /// What getifaddrs(3) says of one interface.
    public struct State: Sendable, Hashable {
        /// Administratively; whether there is a carrier is another matter.
        public var isUp: Bool
        /// An address of 2000::/3, the global unicast space that IANA assigns from.
        public var hasGlobalIPv6: Bool

        public init(isUp: Bool, hasGlobalIPv6: Bool) {
            self.isUp = isUp
            self.hasGlobalIPv6 = hasGlobalIPv6
        }
    }

    /// All interfaces by name, in the network namespace of the calling thread.
    public static func list() throws(SystemError) -> [String: State] {
        var first: UnsafeMutablePointer<ifaddrs>?
        try systemCall("getifaddrs") { getifaddrs(&first) }
        defer { freeifaddrs(first) }
        var interfaces: [String: State] = [:]
        for entry in sequence(first: first!, next: { $0.pointee.ifa_next }) {
            let isUp = entry.pointee.ifa_flags & UInt32(IFF_UP) != 0
            let name = String(cString: entry.pointee.ifa_name)
            interfaces[name, default: State(isUp: isUp, hasGlobalIPv6: false)].isUp = isUp
            if isGlobalIPv6(entry.pointee.ifa_addr) { interfaces[name]?.hasGlobalIPv6 = true }
        }
        return interfaces
    }

    /// The names of all interfaces by which packets may be routed: not the ports of bridges and bonds, which come and go with
    /// each container. Sorted; none when the kernel doesn't say.
    public static var routed: [String] {
        let names = (try? list())?.keys.sorted() ?? []
        return names.filter { name in
            !["brport", "bonding_slave"].contains { access("/sys/class/net/\(name)/\($0)", F_OK) == 0 }
        }
    }

    private static func isGlobalIPv6(_ address: UnsafeMutablePointer<sockaddr>?) -> Bool {
        guard let address, address.pointee.sa_family == sa_family_t(AF_INET6) else { return false }
        let firstByte = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)!
        return UnsafeRawPointer(address).load(fromByteOffset: firstByte, as: UInt8.self) & 0xe0 == 0x20
    }
}
