import CLinux
import Glibc
import Wire

extension Endpoint {
    /// The endpoint that a sockaddr_in or sockaddr_in6 holds; nil for any other family.
    public init?(_ storage: sockaddr_storage) {
        let endpoint: Endpoint? = withUnsafeBytes(of: storage) { bytes in
            switch Int32(storage.ss_family) {
            case AF_INET:
                let inet = bytes.loadUnaligned(as: sockaddr_in.self)
                return Endpoint(
                    address: IPAddress(v4: UInt32(bigEndian: inet.sin_addr.s_addr)),
                    port: UInt16(bigEndian: inet.sin_port))
            case AF_INET6:
                let inet = bytes.loadUnaligned(as: sockaddr_in6.self)
                return withUnsafeBytes(of: inet.sin6_addr) { address in
                    Endpoint(
                        address: IPAddress(
                            high: UInt64(bigEndian: address.loadUnaligned(as: UInt64.self)),
                            low: UInt64(bigEndian: address.loadUnaligned(fromByteOffset: 8, as: UInt64.self))),
                        port: UInt16(bigEndian: inet.sin6_port))
                }
            default: return nil
            }
        }
        guard let endpoint else { return nil }
        self = endpoint
    }

    /// Calls `body` with the endpoint as the kernel takes it: sockaddr_in for IPv4, sockaddr_in6 for IPv6.
    public func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        if address.isIPv4 {
            var inet = sockaddr_in()
            inet.sin_family = sa_family_t(AF_INET)
            inet.sin_port = port.bigEndian
            inet.sin_addr.s_addr = address.v4Bits.bigEndian
            return withUnsafeBytes(of: &inet) {
                body($0.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t($0.count))
            }
        }
        var inet = sockaddr_in6()
        inet.sin6_family = sa_family_t(AF_INET6)
        inet.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &inet.sin6_addr) {
            $0.storeBytes(of: address.high.bigEndian, as: UInt64.self)
            $0.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return withUnsafeBytes(of: &inet) {
            body($0.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t($0.count))
        }
    }
}

extension IPAddress {
    /// AF_INET or AF_INET6.
    public var addressFamily: Int32 { isIPv4 ? AF_INET : AF_INET6 }
}
