import PacketTap
import Wire

/// Makes pcapng (draft-ietf-opsawg-pcapng) of records: whole blocks, little-endian, that gather until the caller takes
/// them. An interface is described when its first packet comes.
public struct PcapngWriter: ~Copyable, Sendable {
    /// Blocks made since they were last removed.
    public private(set) var bytes: [UInt8] = []
    private let application: String
    /// Numbers in the section, by the interfaces' indices.
    private var interfaces: [UInt32: UInt32] = [:]
    private var text = TextBuffer()

    // LINKTYPE_RAW: the packet begins with its IP header.
    private static let linkType: UInt16 = 101

    /// `application`: for shb_userappl, such as `Sluice 1.0`.
    public init(application: String) { self.application = application }

    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    /// A section header block (section 4.1), with which a file begins.
    public mutating func appendSection() {
        interfaces.removeAll(keepingCapacity: true)
        block(0x0a0d_0d0a) { writer in
            writer.bytes.append(littleEndian: 0x1a2b_3c4d as UInt32)
            writer.bytes.append(littleEndian: 1 as UInt16)
            writer.bytes.append(littleEndian: 0 as UInt16)
            // The section's length isn't known yet.
            writer.bytes.append(littleEndian: -1 as Int64)
            writer.option(3) { $0.append(contentsOf: "Linux".utf8) }
            let application = writer.application
            writer.option(4) { $0.append(contentsOf: application.utf8) }
            writer.endOptions()
        }
    }

    /// An enhanced packet block (section 4.3) with direction, packet id, queue and decision; a comment if there is
    /// something to say. `packet`: what was captured of it, at most `TraceRecord.captureLength` bytes. `time`: nanoseconds
    /// since 1970. `owner`: the other box whose connection it belongs to, if it goes there.
    public mutating func append(
        _ record: borrowing TraceRecord, _ packet: RawSpan, time: Int64, trafficClass: String?,
        owner: String? = nil, interfaceName: (UInt32) -> String
    ) {
        let interface = number(of: record.interface, interfaceName)
        let decision = PacketDecision(record, trafficClass: trafficClass, owner: owner)
        let (length, direction) = (record.length, record.direction)
        let (id, queue, error) = (record.number, record.queue, record.error)
        block(6) { writer in
            writer.bytes.append(littleEndian: interface)
            writer.append(time: time)
            writer.bytes.append(littleEndian: UInt32(packet.byteCount))
            writer.bytes.append(littleEndian: max(length, UInt32(packet.byteCount)))
            packet.withUnsafeBytes { writer.bytes.append(contentsOf: $0) }
            writer.pad()
            writer.option(2) { $0.append(littleEndian: direction == .inbound ? 1 as UInt32 : 2) }
            writer.option(5) { $0.append(littleEndian: id) }
            writer.option(6) { $0.append(littleEndian: UInt32(queue)) }
            writer.append(decision, error)
            writer.endOptions()
        }
    }

    /// A systemd journal export block (draft-richardson-opsawg-pcapng-extras section 3.1): of no interface.
    public mutating func append(_ event: SteeringEvent) {
        block(9) { writer in
            event.appendEntry(to: &writer.bytes)
            writer.pad()
        }
    }

    /// An interface statistics block (section 4.6) for each, and before it what describes an interface of which there was no
    /// packet.
    public mutating func appendStatistics(_ statistics: [InterfaceStatistics]) {
        for entry in statistics {
            let interface = number(of: entry.interface) { _ in entry.name }
            block(5) { writer in
                writer.bytes.append(littleEndian: interface)
                writer.append(time: entry.end)
                writer.option(2) { $0.append(time: entry.start) }
                writer.option(3) { $0.append(time: entry.end) }
                // isb_ifrecv, isb_ifdrop, isb_filteraccept, isb_usrdeliv
                writer.option(4) { $0.append(littleEndian: entry.written + entry.dropped) }
                writer.option(5) { $0.append(littleEndian: entry.dropped) }
                writer.option(6) { $0.append(littleEndian: entry.written + entry.dropped) }
                writer.option(8) { $0.append(littleEndian: entry.written) }
                writer.endOptions()
            }
        }
    }

    /// Its number in this section, described (section 4.2) if it is new.
    private mutating func number(of index: UInt32, _ name: (UInt32) -> String) -> UInt32 {
        if let number = interfaces[index] { return number }
        let number = UInt32(interfaces.count)
        interfaces[index] = number
        let name = name(index)
        block(1) { writer in
            writer.bytes.append(littleEndian: Self.linkType)
            writer.bytes.append(littleEndian: 0 as UInt16)
            writer.bytes.append(littleEndian: UInt32(TraceRecord.captureLength))
            writer.option(2) { $0.append(contentsOf: name.utf8) }
            // if_tsresol: nanoseconds
            writer.option(9) { $0.append(9) }
            writer.endOptions()
        }
        return number
    }
}

/// What has become of an interface's packets.
public struct InterfaceStatistics: Sendable {
    /// Its index.
    public var interface: UInt32
    public var name: String
    public var written: UInt64
    public var dropped: UInt64
    /// Of the capture, in nanoseconds since 1970.
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

extension PcapngWriter {
    /// Type, length, `body` and the length again (section 3.1).
    private mutating func block(_ type: UInt32, _ body: (inout PcapngWriter) -> Void) {
        let start = bytes.count
        bytes.append(littleEndian: type)
        bytes.append(littleEndian: 0 as UInt32)
        body(&self)
        let length = UInt32(bytes.count - start + 4)
        bytes.append(littleEndian: length)
        for index in 0..<4 { bytes[start + 4 + index] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(index))) }
    }

    /// Code, length, value and padding (section 3.5).
    private mutating func option(_ code: UInt16, _ value: (inout [UInt8]) -> Void) {
        let start = bytes.count
        bytes.append(littleEndian: code)
        bytes.append(littleEndian: 0 as UInt16)
        value(&bytes)
        let length = UInt16(truncatingIfNeeded: bytes.count - start - 4)
        bytes[start + 2] = UInt8(truncatingIfNeeded: length)
        bytes[start + 3] = UInt8(length >> 8)
        pad()
    }

    private mutating func endOptions() { bytes.append(littleEndian: 0 as UInt32) }

    private mutating func append(_ decision: PacketDecision, _ error: WireError?) {
        if decision.hasRemark || error != nil {
            text.removeAll()
            text.append(decision, error: error?.description)
            bytes.append(littleEndian: 1 as UInt16)
            bytes.append(littleEndian: UInt16(text.bytes.count))
            bytes.append(contentsOf: text.bytes)
            pad()
        }
        // Binary, and may be copied to another file.
        option(2989) { bytes in
            bytes.append(littleEndian: PacketDecision.enterpriseNumber)
            decision.append(to: &bytes)
        }
    }

    private mutating func append(time: Int64) { bytes.append(time: time) }

    private mutating func pad() { while bytes.count % 4 != 0 { bytes.append(0) } }
}

extension [UInt8] {
    /// Two halves, the upper first, in nanoseconds.
    fileprivate mutating func append(time: Int64) {
        let time = UInt64(bitPattern: time)
        append(littleEndian: UInt32(time >> 32))
        append(littleEndian: UInt32(truncatingIfNeeded: time))
    }
}
