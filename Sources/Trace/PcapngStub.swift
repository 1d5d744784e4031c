import Wire
public struct InterfaceStatistics: Sendable {
    public var interface: UInt32
    public var name: String
    public var written: UInt64
    public var dropped: UInt64
    public var start: Int64
    public var end: Int64
    public init(interface: UInt32, name: String, written: UInt64, dropped: UInt64, start: Int64, end: Int64) {
        self.interface = interface
        self.name = name
        self.written = written
        self.dropped = dropped
        self.start = start
        self.end = end
    }
}
public struct PcapngWriter: ~Copyable, Sendable {
    public var bytes: [UInt8] = []
    public init(application: String) {}
    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }
    public mutating func appendSection() {}
    public mutating func append(
        _ record: borrowing TraceRecord, _ packet: RawSpan, time: Int64, trafficClass: String?,
        interfaceName: (UInt32) -> String
    ) {}
    public mutating func appendStatistics(_ statistics: [InterfaceStatistics]) {}
}

extension PacketContext {
    public init(_ record: borrowing TraceRecord, frame: Int, time: Int64, interface: String, trafficClass: String?) {
        self.init(frame: frame, time: time)
    }
}
