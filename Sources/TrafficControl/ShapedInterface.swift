/// An interface as the kernel numbers it now.
public struct ShapedInterface: Hashable, Sendable {
    public let index: UInt32
    public let name: String

    public init(index: UInt32, name: String) {
        self.index = index
        self.name = name
    }
}

/// Which way data goes, as the client sees it.
public enum ShapingDirection: String, Hashable, Sendable, CaseIterable {
    /// Packets that leave by the interface.
    case download
    /// Packets that come in by it.
    case upload
}

/// What a class has carried since it was made.
public struct ClassCounters: Hashable, Sendable {
    public var bytes: UInt64 = 0
    public var packets: UInt64 = 0
    public var drops: UInt64 = 0
    public var overlimits: UInt64 = 0
    /// Bytes that wait now.
    public var backlog: UInt64 = 0

    public init() {}
}
