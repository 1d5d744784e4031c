import LinuxSystem

/// What went wrong on a connection between test peers, without addresses, so that equal failures can be counted.
public enum PeerError: Error, Hashable, CustomStringConvertible {
    /// A system call failed: its name and the kernel's reason.
    case system(SystemError)
    /// A byte of the payload is wrong.
    case corrupted
    /// Every byte of the payload is right where one should be wrong.
    case intact
    /// The stream ended too early.
    case cutShort
    /// The stream went on beyond its end.
    case surplus
    /// The stream ended in order where a reset was due.
    case notReset
    /// The server found the upload wrong.
    case rejected
    /// The first 16 bytes were no request.
    case noRequest

    public var description: String {
        switch self {
        case .system(let error): error.description
        case .corrupted: "a byte is wrong"
        case .intact: "no byte is wrong"
        case .cutShort: "the stream ended too early"
        case .surplus: "the stream went on beyond its end"
        case .notReset: "the stream ended in order instead of with a reset"
        case .rejected: "the server found the upload wrong"
        case .noRequest: "no request came"
        }
    }
}
