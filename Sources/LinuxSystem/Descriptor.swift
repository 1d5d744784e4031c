import Glibc

/// A file descriptor with one owner; closed when the owner lets go of it.
public struct Descriptor: ~Copyable, Sendable {
    public let rawValue: Int32

    /// Takes ownership of an open descriptor.
    public init(owning rawValue: Int32) {
        precondition(rawValue >= 0, "not an open descriptor")
        self.rawValue = rawValue
    }

    deinit { close(rawValue) }

    /// Gives the descriptor away without closing it.
    public consuming func release() -> Int32 {
        let value = rawValue
        discard self
        return value
    }
}
