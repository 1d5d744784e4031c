import Foundation

/// An address and port of TCP.
public struct HTTPAddress: Hashable, Sendable, CustomStringConvertible {
    /// A literal IPv4 or IPv6 address.
    public let host: String
    public let port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Is the host an address indeed, and no name?
    var isLiteral: Bool {
        var address = in6_addr()
        return inet_pton(isIPv6 ? AF_INET6 : AF_INET, host, &address) == 1
    }

    var isIPv6: Bool { host.contains(":") }

    public var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Why nothing can be served on the address of `[admin] http`.
public struct HTTPAddressError: Error, Hashable, CustomStringConvertible {
    private let address: HTTPAddress
    private let errno: Int32

    public init(_ address: HTTPAddress, errno: Int32) {
        self.address = address
        self.errno = errno
    }

    public var problem: String { "[admin] http: can't listen on \(address): \(String(cString: strerror(errno)))" }

    public var mend: String {
        switch errno {
        case EADDRINUSE: "stop what listens there (ss -ltnp shows it), or name another port"
        case EADDRNOTAVAIL: "name an address that the router has (ip -br address shows them)"
        case EACCES: "name a port above 1023, or run as root"
        default: "name another address and port"
        }
    }

    public var description: String { "\(problem); \(mend)" }
}
