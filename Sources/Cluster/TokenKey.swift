package import Wire

/// What a connection is found by. With the server's address, since tokens are random and two boxes may have drawn the same.
package struct TokenKey: Hashable, Sendable {
    package let token: Token
    package let server: IPAddress

    package init(token: Token, server: IPAddress) {
        self.token = token
        self.server = server
    }

    /// `sluice:token:0x90cd00d7:192.0.2.1`
    var name: [UInt8] { Array("sluice:token:\(token):\(server)".utf8) }
}
