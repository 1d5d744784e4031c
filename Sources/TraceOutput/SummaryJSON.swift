import Tracking
import Wire

extension JSONText {
    /// The last line: `{"summary": {…}}`
    mutating func appendLine(_ report: DecodeReport) {
        object { json in
            json.key("summary")
            json.object { $0.members(of: report) }
        }
        endLine()
    }

    private mutating func members(of report: DecodeReport) {
        member("packets", report.summary.packets)
        key("recorded")
        optional(report.summary.recorded)
        key("dropped")
        optional(report.summary.dropped)
        member("tcp_segments", report.summary.segments)
        member("copies", report.summary.copies)
        member("outside", report.summary.outside)
        key("begin")
        time(report.summary.begin, hasNanoseconds: report.hasNanoseconds)
        key("end")
        time(report.summary.end, hasNanoseconds: report.hasNanoseconds)
        key("errors")
        object { json in for (kind, count) in report.summary.errorCounts { json.member(name: kind.rawValue, count) } }
        member("joins_of_unknown_token", report.counters.joinsOfUnknownToken)
        member("evicted", report.evicted)
        key("connections")
        array { json in
            for connection in report.connections { json.object { $0.members(of: connection, report) } }
        }
    }

    private mutating func members(of connection: Connection, _ report: DecodeReport) {
        key("token")
        token(connection.token)
        key("client_token")
        token(connection.hosts.client.token)
        key("client")
        endpoint(connection.tuple.client)
        key("server")
        endpoint(connection.tuple.server)
        member("version", connection.version)
        key("state")
        string(connection.state.name)
        key("fallback")
        optional(connection.fallback?.rawValue)
        key("fast_closed_by")
        if let host = connection.state.fastCloser { string(host.name) } else { null() }
        member("partial", connection.isPartial)
        key("opened")
        time(Int64(clamping: connection.openedAt), hasNanoseconds: report.hasNanoseconds)
        key("duration")
        time(connection.duration, hasNanoseconds: report.hasNanoseconds)
        member("bytes_to_client", connection.bytes(from: .server))
        member("bytes_to_server", connection.bytes(from: .client))
        member("retransmitted_to_client", connection.retransmittedBytes(from: .server))
        member("retransmitted_to_server", connection.retransmittedBytes(from: .client))
        key("anomalies")
        array { json in for anomaly in connection.anomalies.all { json.string(anomaly.rawValue) } }
        announcements(of: connection)
        key("subflows")
        array { json in
            for subflow in connection.subflows { json.object { $0.members(of: subflow, report) } }
        }
    }

    /// What was announced by ADD_ADDR and not removed.
    private mutating func announcements(of connection: Connection) {
        key("addresses")
        array { json in
            for host in Host.allCases {
                for announced in connection.hosts[host].addresses {
                    json.object { $0.members(of: announced, by: host) }
                }
            }
        }
    }

    private mutating func members(of announced: Connection.AnnouncedAddress, by host: Host) {
        key("host")
        string(host.name)
        member("address_id", announced.id.rawValue)
        key("address")
        quoted { $0.append(announced.address) }
        if let port = announced.port { member("port", port) }
        member("echoed", announced.isEchoed)
    }

    private mutating func members(of subflow: Subflow, _ report: DecodeReport) {
        member("id", subflow.number)
        key("client")
        endpoint(subflow.endpoints.client)
        key("server")
        endpoint(subflow.endpoints.server)
        key("initiator")
        string(subflow.initiator.name)
        key("interface")
        optional(report.interface(of: subflow))
        key("client_address_id")
        addressID(subflow.addressID.client)
        key("server_address_id")
        addressID(subflow.addressID.server)
        member("backup", subflow.isBackup)
        key("state")
        string(subflow.state.name)
        key("end")
        if case .closed(let end) = subflow.state { quoted { $0.append(end) } } else { null() }
        member("bytes_to_client", subflow.streams.server.bytes)
        member("bytes_to_server", subflow.streams.client.bytes)
        member("retransmitted_to_client", subflow.streams.server.retransmittedBytes)
        member("retransmitted_to_server", subflow.streams.client.retransmittedBytes)
    }

    private mutating func optional(_ count: UInt64?) {
        if let count { number(count) } else { null() }
    }

    private mutating func addressID(_ id: AddressID?) {
        if let id { number(id.rawValue) } else { null() }
    }

    private mutating func member(name: String, _ value: Int) {
        key(name: name)
        number(value)
    }
}
