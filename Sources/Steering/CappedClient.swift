public import Wire

/// Whose volume a cap for each client counts: an IPv4 address, or the /64 of an IPv6 one. Within a /64 a host makes itself
/// as many addresses as it likes (RFC 8981), and would have as many volumes.
public struct CappedClient: Hashable, Sendable {
    /// Of an IPv6 client the first one of its /64.
    private let address: IPAddress

    public init(_ address: IPAddress) {
        self.address = address.isIPv4 ? address : IPAddress(high: address.high, low: 0)
    }
}

extension CappedClient: CustomStringConvertible, LosslessStringConvertible {
    /// As `description` writes it; nil for anything else.
    public init?(_ text: String) {
        guard let address = IPAddress(text.prefix { $0 != "/" }), case let client = CappedClient(address),
            client.description == text
        else { return nil }
        self = client
    }

    /// `10.1.0.2` or `2001:db8:1:2::/64`
    public var description: String { address.isIPv4 ? address.description : "\(address)/64" }
}
