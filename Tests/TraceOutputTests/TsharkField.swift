import Foundation

/// A field of tshark's, and where in a line of `sluice decode --json` the same stands.
struct TsharkField: Sendable {
    let name: String
    /// Of a line's object; several when several options of a segment have it.
    let values: @Sendable ([String: Any]) -> [String]

    static let all = header + handshake + data + signals + derived

    private static let header = [
        line("frame.number", "frame"), line("tcp.seq_raw", "seq"), line("tcp.ack_raw", "ack"),
        line("tcp.window_size_value", "window"), line("tcp.len", "payload"),
    ]

    private static let subtypes = [
        "MP_CAPABLE", "MP_JOIN", "DSS", "ADD_ADDR", "REMOVE_ADDR", "MP_PRIO", "MP_FAIL", "MP_FASTCLOSE", "MP_TCPRST",
    ]

    private static let handshake = [
        option("subtype") { option in
            subtypes.firstIndex { $0 == option["subtype"] as? String }.map { [String($0)] } ?? []
        },
        option("version", "version"),
        option("flags", flags),
        option("backup.flag", "backup"),
        option("checksumreq.flags", "checksum_required"),
        option("nomoresubflows.flag", "deny_join"),
        option("sha256.flag", "hmac_sha256"),
        option("sha1.flag", "hmac_sha1"),
        option("addrid") { texts($0["address_id"]) + texts($0["address_ids"]) },
        option("sendkey", "sender_key"),
        option("recvkey", "receiver_key"),
        option("recvtok", "receiver_token"),
        option("sendrand", "sender_random_number"),
        option("sendtrunchmac") { $0["subtype"] as? String == "MP_JOIN" ? texts($0["truncated_hmac"]) : [] },
        option("sendhmac", "hmac"),
    ]

    private static let data = [
        option("datafin.flag", "data_fin"),
        option("rawdataack", "data_ack"),
        option("rawdataseqno", "dsn"),
        option("subflowseqno", "subflow_sequence_number"),
        option("datalvllen", "data_level_length"),
        // Not that of a DSS: tshark 4.0 leaves it out.
        option("checksum") { $0["subtype"] as? String == "MP_CAPABLE" ? texts($0["checksum"]) : [] },
    ]

    private static let signals = [
        option("echo", "echo"),
        option("ipv4") { $0["ip_version"] as? Int == 4 ? texts($0["address"]) : [] },
        option("ipv6") { $0["ip_version"] as? Int == 6 ? texts($0["address"]) : [] },
        option("port", "port"),
        option("addaddrtrunchmac") { $0["subtype"] as? String == "ADD_ADDR" ? texts($0["truncated_hmac"]) : [] },
        option("flag_T.flag", "transient"),
        option("rst_reason", "reason"),
    ]

    /// What follows from other segments.
    private static let derived = [
        TsharkField(name: "mptcp.ack") { line in options(line).flatMap { texts($0["data_ack_64"]) } },
        TsharkField(name: "mptcp.dss.dsn") { line in
            options(line).flatMap { $0["subtype"] as? String == "DSS" ? texts($0["dsn_64"]) : [] }
        },
        TsharkField(name: "mptcp.expected_token") { line in
            guard options(line).contains(where: { $0["sender_key"] != nil }) else { return [] }
            return texts(line[line["sender"] as? String == "server" ? "token" : "client_token"])
        },
    ]

    /// The whole byte that the flags are in, as tshark shows it.
    @Sendable
    private static func flags(_ option: [String: Any]) -> [String] {
        let backup = option["backup"] as? Bool == true ? 1 : 0
        switch option["subtype"] as? String {
        case "MP_CAPABLE", "DSS": return texts(option["flags"])
        case "MP_JOIN": return option["hmac"] == nil ? [String(0x10 | backup)] : []
        case "MP_PRIO": return [String(0x50 | backup)]
        case "MP_TCPRST": return [String(0x80 | (option["transient"] as? Bool == true ? 1 : 0))]
        default: return []
        }
    }

    private static func line(_ name: String, _ key: String) -> TsharkField {
        TsharkField(name: name) { texts($0[key]) }
    }

    private static func option(_ name: String, _ key: String) -> TsharkField {
        option(name) { texts($0[key]) }
    }

    private static func option(
        _ name: String, _ values: @escaping @Sendable ([String: Any]) -> [String]
    ) -> TsharkField {
        TsharkField(name: "tcp.options.mptcp.\(name)") { options($0).flatMap(values) }
    }

    private static func options(_ line: [String: Any]) -> [[String: Any]] {
        (line["options"] as? [[String: Any]] ?? []).filter { $0["kind"] as? Int == 30 }
    }

    /// A value, or an array of such, as text; booleans as 0 and 1.
    private static func texts(_ value: Any?) -> [String] {
        switch value {
        case let text as String: [text]
        case let number as NSNumber: [number.stringValue]
        case let array as [Any]: array.flatMap(texts)
        default: []
        }
    }
}
