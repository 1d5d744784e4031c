/// What became of a packet that a queue has handed over.
public enum Verdict: UInt8, CaseIterable, Sendable {
    /// Looked at, and let go.
    case accept
    /// A SYN that goes on as if there were no box.
    case pass
    /// A SYN that ends here: it is dropped, and its bytes enter the stack again by the TUN device.
    case intercept
    case drop

    public var name: StaticString {
        switch self {
        case .accept: "accept"
        case .pass: "pass"
        case .intercept: "intercept"
        case .drop: "drop"
        }
    }
}
