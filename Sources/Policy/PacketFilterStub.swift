public struct PacketFilter: Sendable {
    public init() {}
    public func matches(_ facts: borrowing PacketFacts) -> Bool { true }
}
public struct TraceFilterError: Error {}
public struct TraceFilter: Sendable {
    public init(_ text: String) throws(TraceFilterError) {}
    public func compiled(interface: (String) -> UInt32?) throws(TraceFilterError) -> PacketFilter { PacketFilter() }
}
