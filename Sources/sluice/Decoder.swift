import Capture
import Glibc
import LinuxSystem
import TraceOutput
import Tracking
import Wire

/// A capture's way to lines: Capture → Wire → Tracking → Trace → standard output.
struct Decoder: ~Copyable {
    private var lines: TraceLines
    private let flushesEachLine: Bool
    private var tracker = Tracker(.wholeCapture)
    private var copies = CopyFilter()
    private var interfaces = InterfaceNames()
    private var summary = DecodeSummary()
    private var hasNanoseconds = false
    /// The last one there was: what the tracker gets when a packet has none.
    private var time: Int64 = 0

    private static let bufferSize = 64 << 10

    init(_ format: TraceLines.Format, flushesEachLine: Bool) {
        lines = TraceLines(format)
        self.flushesEachLine = flushesEachLine
    }

    /// Prints all packets and the summary; when the capture breaks off, throws after that.
    mutating func run(_ reader: consuming CaptureReader) throws {
        let failure = try printPackets(&reader)
        summary.recorded = reader.statistics?.delivered
        summary.dropped = reader.statistics?.dropped
        if failure == nil || summary.packets > 0 {
            lines.append(
                DecodeReport(summary, tracker, interfaces: interfaces.names, hasNanoseconds: hasNanoseconds))
        }
        try flush()
        if let failure { throw failure }
    }

    /// Returns why the capture can't be read any further, if it isn't at its end.
    private mutating func printPackets(_ reader: inout CaptureReader) throws(SystemError) -> CaptureError? {
        while true {
            do throws(CaptureError) {
                guard let packet = try reader.next(journal: { add($0) }) else { return nil }
                add(packet)
            } catch {
                return error
            }
            if flushesEachLine || lines.bytes.count >= Self.bufferSize { try flush() }
        }
    }

    private mutating func flush() throws(SystemError) {
        var rest = lines.bytes[...]
        while !rest.isEmpty {
            let written = try systemCall("write to standard output") {
                rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            }
            rest = rest.dropFirst(written)
        }
        lines.removeAll()
    }

    /// Of entries, those that Sluice has written.
    private mutating func add(_ entry: JournalEntry) {
        guard let event = SteeringEvent(journal: { entry[$0] }) else { return }
        lines.append(event, frame: entry.frame)
        // What can't be written stays there, and is reported with the next line.
        if flushesEachLine { try? flush() }
    }

    private mutating func add(_ packet: borrowing CapturedPacket) {
        var context = PacketContext(frame: packet.frame, time: packet.time)
        context.hasNanoseconds = packet.interface.hasNanoseconds
        hasNanoseconds = hasNanoseconds || context.hasNanoseconds
        time = packet.time ?? time
        summary.count(packetAt: packet.time)
        context.decision = packet.customOptions.lazy.compactMap(PacketDecision.init).first
        do throws(LinkError) {
            let link = try packet.link
            context.direction = PacketContext.Direction(link.direction) ?? .init(packet.direction)
            let interface = interfaces.number(of: packet.interface, index: link.interfaceIndex)
            context.interface = interfaces.names[Int(interface)]
            guard let ip = link.ip else {
                summary.count(.notIP)
                return lines.append(unreadable: NotIP(protocolNumber: link.protocolNumber), context)
            }
            // Behind the link layer: for packets whose header says 0, as those captured before segmentation may.
            let length = packet.originalLength - (packet.bytes.byteCount - ip.byteCount)
            add(ip, length: length, interface, &context)
        } catch {
            summary.count(.unreadableLink)
            lines.append(unreadable: error, context)
        }
    }

    private mutating func add(_ ip: RawSpan, length: Int, _ interface: UInt32, _ context: inout PacketContext) {
        do throws(WireError) {
            let segment = try Segment(ip, length: length)
            observe(segment, interface, &context)
            summary.count(segment: context)
            if let error = lines.append(segment, context) { summary.count(.init(error)) }
        } catch {
            summary.count(.init(error))
            lines.append(unreadable: error, context)
        }
    }

    private mutating func observe(
        _ segment: borrowing Segment, _ interface: UInt32, _ context: inout PacketContext
    ) {
        // As the daemon's tracker: it is told of what goes on or goes in, and each packet was seen in one place.
        if let decision = context.decision {
            guard decision.verdict != .drop else { return }
        } else {
            let place = CopyFilter.Place(interface: interface, direction: context.direction)
            context.isCopy = copies.isCopy(segment, at: time, place)
        }
        if context.isCopy {
            context.sighting = tracker.recognise(segment)
        } else {
            context.sighting = tracker.observe(segment, at: UInt64(max(0, time)), interface: interface)
            context.events = tracker.events
        }
        context.token = context.sighting.flatMap { tracker[$0.connection]?.token }
    }
}

extension PacketDecision {
    /// Of a capture of Sluice's own.
    fileprivate init?(_ option: CustomOption) {
        guard option.enterprise == Self.enterpriseNumber else { return nil }
        self.init(option.bytes)
    }
}

extension Tracker.Limits {
    /// Nothing is forgotten before the summary, as long as there is room: some gigabytes, if it must be.
    fileprivate static let wholeCapture = Tracker.Limits(
        connections: 1 << 20, subflows: 256, embryonicTime: .max, liveTime: .max, overTime: .max)
}

/// What a frame carries instead.
private struct NotIP: CustomStringConvertible {
    let protocolNumber: UInt32?

    var description: String {
        switch protocolNumber {
        case 0x0806: "not IP but ARP"
        case let number?: "not IP but protocol 0x" + String(number, radix: 16)
        case nil: "not IP"
        }
    }
}

extension PacketContext.Direction {
    fileprivate init?(_ direction: PacketDirection) {
        switch direction {
        case .inbound: self = .inbound
        case .outbound: self = .outbound
        case .unknown: return nil
        }
    }
}
