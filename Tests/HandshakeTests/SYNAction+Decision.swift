import Handshake

extension SYNAction {
    /// What has been decided; nil as long as that depends on the server.
    var decision: Decision? {
        switch self {
        case .pass(let decision), .passForgoing(let decision), .intercept(let decision, _): decision
        case .passLost: .passNotTaken
        case .drop: .dropRetransmissionOfHeld
        case .dial, .ask: nil
        case .lead: .passToPeer
        }
    }
}
