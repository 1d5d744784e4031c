import Wire

/// Which clients' connections to which servers are to be converted, and how.
public struct ConversionPolicy: Hashable, Sendable {
    /// When the client is answered.
    public enum Connect: String, Hashable, Sendable {
        /// Only once the server has answered: the client sees the server's own refusal or silence.
        case faithful
        /// At once; the server is dialled after the client's handshake.
        case split
    }

    /// Names of the client-facing interfaces.
    public var interfaces: Set<String>
    /// Empty: all.
    public var ports: [ClosedRange<UInt16>]
    /// Empty: all.
    public var clients: [IPPrefix]
    /// Empty: all.
    public var servers: [IPPrefix]
    public var connect: Connect
    /// Of servers: connections to them pass, because a helper of connection tracking on this router has to see them.
    public var passedPorts: Set<UInt16> = []
    /// Do rules of this router put the two directions of connections into different zones of connection tracking? All pass
    /// then.
    public var hasZonesByDirection = false
    /// Do connections to servers have the DSCP of the client's SYN?
    public var copiesDSCP = true

    public init(
        interfaces: Set<String>, ports: [ClosedRange<UInt16>] = [], clients: [IPPrefix] = [], servers: [IPPrefix] = [],
        connect: Connect = .faithful
    ) {
        self.interfaces = interfaces
        self.ports = ports
        self.clients = clients
        self.servers = servers
        self.connect = connect
    }

    /// Is a connection of this client to this server one that we are asked to convert? The interface is the caller's
    /// to compare.
    public func covers(_ tuple: FourTuple) -> Bool {
        (ports.isEmpty || ports.contains { $0.contains(tuple.server.port) })
            && (clients.isEmpty || clients.contains { $0.contains(tuple.client.address) })
            && (servers.isEmpty || servers.contains { $0.contains(tuple.server.address) })
    }
}
