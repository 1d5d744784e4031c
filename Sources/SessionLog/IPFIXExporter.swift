import Wire

/// Makes IPFIX messages (RFC 7011, which has replaced RFC 5101) of records, for one transport session over UDP. Pure: time is
/// passed in.
struct IPFIXExporter {
    struct Message {
        let bytes: [UInt8]
        /// Session records whose own data record is in it.
        let sessions: Int
    }

    /// Templates are sent again after this, since datagrams get lost and collectors restart (section 8.4).
    static let templatePeriod: Int64 = 60_000_000_000
    /// Where the path's MTU isn't known, packets have 512 bytes at most (section 10.3.3).
    static let smallestPacket = 512

    /// One box, one observation domain.
    private static let domain: UInt32 = 1
    private static let version: UInt16 = 10
    private static let templateSet: UInt16 = 2
    private static let headerSize = 16

    /// Bytes of a message.
    private let limit: Int
    /// Data records sent so far, modulo 2^32 (section 3.1).
    private var sequence: UInt32 = 0
    /// When the templates went last; nil: not yet.
    private var templatesSent: Int64?

    /// `packet`: bytes that an IP packet to the collector may have; nil: not known.
    init(packet: Int?, isIPv4: Bool) {
        // IP and UDP headers. More than what Ethernet carries is not worth a fragment on some other link.
        limit = min(max(packet ?? Self.smallestPacket, Self.smallestPacket), 1500) - (isIPv4 ? 28 : 48)
    }

    /// The templates alone, e.g. to try whether anybody is there.
    mutating func templates(at time: Int64) -> Message { build([], at: time, withTemplates: true) }

    /// The next messages begin with the templates.
    mutating func forgetTemplates() { templatesSent = nil }

    /// Messages for these records, the templates first if it is their time. `name`: of an interface by its index.
    mutating func messages(_ records: some Sequence<SessionRecord>, at time: Int64, _ name: (UInt32) -> String?)
        -> [Message]
    {
        var messages: [Message] = []
        var waiting: [DataRecord] = []
        var size = 0
        func flush(_ exporter: inout Self) {
            guard !waiting.isEmpty else { return }
            messages.append(exporter.build(waiting, at: time, withTemplates: false))
            waiting.removeAll(keepingCapacity: true)
            size = 0
        }
        if templatesSent.map({ time - $0 >= Self.templatePeriod || time < $0 }) ?? true {
            messages.append(templates(at: time))
        }
        for record in records {
            for data in Self.dataRecords(record, name) {
                // A set of its own, if the one before is of another kind.
                let needed = { data.bytes.count + (waiting.last?.template == data.template ? 0 : 4) }
                if Self.headerSize + size + needed() > limit { flush(&self) }
                size += needed()
                waiting.append(data)
            }
        }
        flush(&self)
        return messages
    }

    // MARK: - Messages

    private mutating func build(_ records: [DataRecord], at time: Int64, withTemplates: Bool) -> Message {
        var message = NetworkBytes()
        message.append(Self.version)
        message.append(UInt16(0))
        message.append(UInt32(truncatingIfNeeded: time / 1_000_000_000))
        message.append(sequence)
        message.append(Self.domain)
        if withTemplates {
            templatesSent = time
            appendSet(Self.templateSet, to: &message) { message in
                for template in IPFIXTemplate.allCases { template.append(to: &message) }
            }
        }
        var rest = records[...]
        while let template = rest.first?.template {
            let run = rest.prefix { $0.template == template }
            rest = rest.dropFirst(run.count)
            appendSet(template.rawValue, to: &message) { message in for record in run { message.append(record.bytes) } }
        }
        message.set(UInt16(message.count), at: 2)
        sequence &+= UInt32(records.count)
        return Message(bytes: message.bytes, sessions: records.count { $0.isSession })
    }

    private func appendSet(_ id: UInt16, to message: inout NetworkBytes, _ content: (inout NetworkBytes) -> Void) {
        let start = message.count
        message.append(id)
        message.append(UInt16(0))
        content(&message)
        message.set(UInt16(message.count - start), at: start + 2)
    }

    // MARK: - Data records

    private struct DataRecord {
        let template: IPFIXTemplate
        let isSession: Bool
        var bytes = NetworkBytes()

        init(_ template: IPFIXTemplate, isSession: Bool) {
            self.template = template
            self.isSession = isSession
        }
    }

    private static func dataRecords(_ record: SessionRecord, _ name: (UInt32) -> String?) -> [DataRecord] {
        [session(record, name)] + (record.end?.subflows ?? []).map { subflow(record, $0, name) }
    }

    private static func session(_ record: SessionRecord, _ name: (UInt32) -> String?) -> DataRecord {
        let isIPv4 = record.client.address.isIPv4
        let template: IPFIXTemplate =
            switch (isIPv4, record.end == nil) {
            case (true, true): .start4
            case (true, false): .end4
            case (false, true): .start6
            case (false, false): .end6
            }
        // One that isn't known counts as unchanged.
        let upstream = record.upstream ?? record.client
        var data = DataRecord(template, isSession: true)
        data.bytes.append(milliseconds(record.time))
        data.bytes.append(IPFIXTemplate.event(isIPv4: isIPv4, isEnd: record.end != nil))
        data.bytes.append(record.client.address)
        data.bytes.append(upstream.address)
        data.bytes.append(tcp)
        data.bytes.append(record.client.port)
        data.bytes.append(upstream.port)
        for _ in 0..<2 { data.bytes.append(record.server.address) }
        for _ in 0..<2 { data.bytes.append(record.server.port) }
        data.bytes.append(record.number)
        data.bytes.append(milliseconds(record.started))
        data.bytes.append(record.interface)
        data.bytes.append(variable: name(record.interface) ?? "")
        guard let end = record.end else { return data }
        data.bytes.append(milliseconds(end.time))
        data.bytes.append(end.reason.flowEndReason)
        data.bytes.append(end.bytesToServer)
        data.bytes.append(end.bytesToClient)
        return data
    }

    private static func subflow(
        _ record: SessionRecord, _ subflow: SessionRecord.Subflow, _ name: (UInt32) -> String?
    ) -> DataRecord {
        var data = DataRecord(subflow.client.address.isIPv4 ? .subflow4 : .subflow6, isSession: false)
        data.bytes.append(record.number)
        data.bytes.append(subflow.client.address)
        data.bytes.append(subflow.client.port)
        data.bytes.append(subflow.server.address)
        data.bytes.append(subflow.server.port)
        data.bytes.append(tcp)
        data.bytes.append(subflow.interface)
        data.bytes.append(variable: name(subflow.interface) ?? "")
        data.bytes.append(milliseconds(record.started))
        data.bytes.append(milliseconds(record.time))
        data.bytes.append(subflow.bytesToServer)
        data.bytes.append(subflow.bytesToClient)
        return data
    }

    private static let tcp: UInt8 = 6

    private static func milliseconds(_ nanoseconds: Int64) -> UInt64 { UInt64(max(nanoseconds, 0)) / 1_000_000 }
}
