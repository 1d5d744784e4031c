import PacketTap
import TraceOutput
import Wire

/// Makes a format's bytes of records. They gather until the sink has taken them.
struct Encoder: ~Copyable {
    let format: TraceFormat
    // One of the two is used.
    private var pcapng: PcapngWriter
    private var lines: TraceLines

    init(_ format: TraceFormat, application: String) {
        self.format = format
        pcapng = PcapngWriter(application: application)
        lines = TraceLines(format == .json ? .json : .text)
    }

    var bytes: [UInt8] {
        _read { if format == .pcapng { yield pcapng.bytes } else { yield lines.bytes } }
    }

    mutating func removeAll() { if format == .pcapng { pcapng.removeAll() } else { lines.removeAll() } }

    /// What a file begins with.
    mutating func begin() { if format == .pcapng { pcapng.appendSection() } }

    /// What a file ends with.
    mutating func end(_ statistics: [InterfaceStatistics]) {
        if format == .pcapng { pcapng.appendStatistics(statistics) }
    }

    /// `frame`: counts the records from 1. `time`: nanoseconds since 1970.
    mutating func append(
        _ record: borrowing TraceRecord, _ packet: RawSpan, frame: Int, time: Int64, trafficClass: String?,
        owner: String?, interfaceName: (UInt32) -> String
    ) {
        if format == .pcapng {
            return pcapng.append(
                record, packet, time: time, trafficClass: trafficClass, owner: owner, interfaceName: interfaceName)
        }
        let context = PacketContext(
            record, frame: frame, time: time, interface: interfaceName(record.interface), trafficClass: trafficClass,
            owner: owner)
        do throws(WireError) {
            lines.append(try Segment(packet, length: Int(record.length)), context)
        } catch {
            lines.append(unreadable: error, context)
        }
    }

    /// `frame`: counts records and events from 1.
    mutating func append(_ event: SteeringEvent, frame: Int) {
        if format == .pcapng { pcapng.append(event) } else { lines.append(event, frame: frame) }
    }

    /// What a reader passes over: sent now and then, so that one that has gone is noticed. In pcapng it is a custom block
    /// (draft-ietf-opsawg-pcapng section 4.7) of the number for documentation (RFC 5612), in lines an empty one.
    var keepalive: [UInt8] {
        guard format == .pcapng else { return [UInt8(ascii: "\n")] }
        return [UInt32(0xbad), 16, 32473, 16].flatMap { value in (0..<4).map { UInt8(value >> ($0 * 8) & 0xff) } }
    }
}
