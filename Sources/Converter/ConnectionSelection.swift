public import Wire

/// Which converted connections somebody means: those of which everything holds that is given.
public struct ConnectionSelection: Hashable, Sendable {
    /// An address, or many, and perhaps a port.
    public struct End: Hashable, Sendable {
        public var prefix: IPPrefix
        /// nil: any.
        public var port: UInt16?

        public init(prefix: IPPrefix, port: UInt16?) {
            self.prefix = prefix
            self.port = port
        }

        func contains(_ endpoint: Endpoint) -> Bool {
            prefix.contains(endpoint.address) && (port == nil || port == endpoint.port)
        }
    }

    /// Of the connection's first subflow. nil: any.
    public var client: End?
    /// nil: any.
    public var server: End?
    /// nil: any, also none.
    public var token: Token?

    public init(client: End?, server: End?, token: Token?) {
        self.client = client
        self.server = server
        self.token = token
    }

    /// Is a connection one of them? Its token is asked for only when nothing else tells.
    func contains(_ tuple: FourTuple, token tokenOf: () -> Token?) -> Bool {
        guard client?.contains(tuple.client) ?? true, server?.contains(tuple.server) ?? true else { return false }
        guard let token else { return true }
        return tokenOf() == token
    }
}
