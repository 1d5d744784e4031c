import Wire

/// What a connection is found by. With the server's address, since tokens are random and two boxes may have drawn the same.
struct TokenKey: Hashable, Sendable {
    let token: Token
    let server: IPAddress

    /// `sluice:token:0x90cd00d7:192.0.2.1`
    var name: [UInt8] { Array("sluice:token:\(token):\(server)".utf8) }
}
