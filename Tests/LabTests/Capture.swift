import Glibc
import Lab
import Testing
import Wire

let canRecord =
    geteuid() == 0
    && ["tcpdump", "tshark"].allSatisfy { program in
        ["/usr/bin", "/usr/sbin"].contains { access("\($0)/\(program)", X_OK) == 0 }
    }
let needsRecorder: Comment = "recordings need root, tcpdump and tshark: run Scripts/setup"

/// What tshark reads in a recording, as facts such as `client MP_JOIN SYN backup` with how often each occurs.
struct Capture {
    private(set) var facts: [String: Int] = [:]
    /// The TCP connections, by tshark's numbers, that have carried data.
    private(set) var streamsWithData: Set<String> = []

    /// The fields that are asked for, in the order of the columns. One that occurs twice in a packet has its values
    /// with a comma between; one that doesn't occur is empty.
    private enum Field: String, CaseIterable {
        case source4 = "ip.src"
        case source6 = "ipv6.src"
        case stream = "tcp.stream"
        case flags = "tcp.flags"
        case dataLength = "tcp.len"
        case optionKinds = "tcp.option_kind"
        case optionLengths = "tcp.option_len"
        case subtypes = "tcp.options.mptcp.subtype"
        case multipathFlags = "tcp.options.mptcp.flags"
        case backup = "tcp.options.mptcp.backup.flag"
        case echo = "tcp.options.mptcp.echo"
        case port = "tcp.options.mptcp.port"
        case removedCount = "mptcp.rm_addr.count"
        case reason = "tcp.options.mptcp.rst_reason"
        case dataFin = "tcp.options.mptcp.datafin.flag"
        case mappingLength = "tcp.options.mptcp.datalvllen"
    }

    /// A packet's fields.
    private struct Packet {
        private let columns: [Field: String]

        init(_ line: Substring) {
            let values = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            columns = Dictionary(uniqueKeysWithValues: zip(Field.allCases, values))
        }

        subscript(_ field: Field) -> String { columns[field, default: ""] }
        func values(_ field: Field) -> [Substring] { self[field].split(separator: ",") }
        func isSet(_ field: Field) -> Bool { values(field).contains("1") }
        func number(_ field: Field) -> Int {
            let text = self[field]
            return text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) ?? 0 : Int(text) ?? 0
        }
    }

    /// Reads the TCP packets of a recording.
    init(_ path: String, in lab: Lab) async throws {
        let fields = Field.allCases.flatMap { ["-e", $0.rawValue] }
        let result = try await lab.run(in: .box, ["tshark", "-n", "-r", path, "-Y", "tcp", "-T", "fields"] + fields)
        try #require(result.status.isSuccess, "\(result.errors)")
        let clients = lab.links(of: .client(0)).flatMap { [$0.address(.v4), $0.address(.v6)] }
        for packet in result.output.split(separator: "\n").map(Packet.init) {
            let source = IPAddress(packet[.source4]) ?? IPAddress(packet[.source6])
            note(packet, from: source.map(clients.contains) == true ? "client" : "peer")
        }
    }

    func count(_ fact: String) -> Int { facts[fact] ?? 0 }

    private mutating func note(_ packet: Packet, from sender: String) {
        if packet.number(.dataLength) > 0 {
            streamsWithData.insert(packet[.stream])
            let other = sender == "client" ? "peer" : "client"
            if count("\(other) DATA_FIN") > 0 { facts["\(sender) data after DATA_FIN", default: 0] += 1 }
        }
        for fact in Self.facts(of: packet) { facts["\(sender) \(fact)", default: 0] += 1 }
    }

    private static func facts(of packet: Packet) -> [String] {
        let flags = packet.number(.flags)
        let kind = flags & 0x02 == 0 ? "ACK" : flags & 0x10 == 0 ? "SYN" : "SYN-ACK"
        var facts = packet.values(.subtypes).flatMap { options(of: $0, kind, packet) }
        if facts.isEmpty { facts.append("plain \(kind)") }
        if flags & 0x01 != 0 { facts.append("FIN") }
        if flags & 0x04 != 0 { facts.append("RST") }
        return facts
    }

    /// The subtypes are those of RFC 8684, section 8.2.
    private static func options(of subtype: Substring, _ kind: String, _ packet: Packet) -> [String] {
        switch subtype {
        case "0": ["MP_CAPABLE \(kind)"]
        case "1": ["MP_JOIN \(kind)"] + (packet.isSet(.backup) ? ["MP_JOIN \(kind) backup"] : [])
        case "2":
            ["DSS"] + (hasChecksum(packet) ? ["DSS checksum"] : []) + (packet.isSet(.dataFin) ? ["DATA_FIN"] : [])
                + (packet[.mappingLength] == "0" ? ["infinite mapping"] : [])
        case "3": [packet.isSet(.echo) ? "ADD_ADDR echo" : "ADD_ADDR"] + (packet[.port] != "" ? ["ADD_ADDR port"] : [])
        case "4": ["REMOVE_ADDR"] + (packet.number(.removedCount) > 1 ? ["REMOVE_ADDR of several"] : [])
        case "5": [packet.isSet(.backup) ? "MP_PRIO backup" : "MP_PRIO nobackup"]
        case "6": ["MP_FAIL"]
        case "7": ["MP_FASTCLOSE"]
        case "8": ["MP_TCPRST \(packet[.reason])"]
        default: ["subtype \(subtype)"]
        }
    }

    /// Is a packet's only MPTCP option a DSS with checksum (RFC 8684, section 3.3)? By its length: tshark 4.0 doesn't
    /// show the checksum.
    private static func hasChecksum(_ packet: Packet) -> Bool {
        guard packet.values(.subtypes) == ["2"] else { return false }
        let flags = packet.number(.multipathFlags)
        let acknowledgement = flags & 0x01 == 0 ? 0 : flags & 0x02 == 0 ? 4 : 8
        let mapping = flags & 0x04 == 0 ? 0 : (flags & 0x08 == 0 ? 4 : 8) + 6
        // End of options and NOP have no length.
        let kinds = packet.values(.optionKinds).filter { $0 != "0" && $0 != "1" }
        let length = zip(kinds, packet.values(.optionLengths)).first { $0.0 == "30" }?.1
        return mapping > 0 && length == "\(4 + acknowledgement + mapping + 2)"
    }
}
