import Tracking
import Wire

// The fields of an MPTCP option, named as RFC 8684 section 3 names them.

extension JSONText {
    mutating func multipath(_ option: MultipathOption, _ numbers: DataNumbers?) {
        key("subtype")
        string(option.name)
        switch option {
        case .capable(let capable): members(of: capable)
        case .join(let join): members(of: join)
        case .dataSequenceSignal(let signal): members(of: signal, numbers)
        case .addAddress(let announcement): members(of: announcement)
        case .removeAddress(let ids):
            key("address_ids")
            array { json in for id in ids { json.number(id.rawValue) } }
        case .priority(let priority):
            member("backup", priority.isBackup)
            if let id = priority.addressID { member("address_id", id.rawValue) }
        case .fail(let sequence): member("dsn", sequence)
        case .fastClose(let key): member(hexadecimal: "receiver_key", key.rawValue)
        case .reset(let reset): members(of: reset)
        case .unknown(let bytes): member("bytes", bytes)
        }
    }

    private mutating func members(of capable: MPCapable) {
        member("version", capable.version)
        member(hexadecimal: "flags", capable.flags.rawValue)
        member("checksum_required", capable.flags.contains(.checksumRequired))
        member("extensibility", capable.flags.contains(.extensibility))
        if capable.version == 0 {
            member("hmac_sha1", capable.flags.contains(.hmac))
        } else {
            member("deny_join", capable.flags.contains(.denyJoin))
            member("hmac_sha256", capable.flags.contains(.hmac))
        }
        if let key = capable.senderKey { member(hexadecimal: "sender_key", key.rawValue) }
        if let key = capable.receiverKey { member(hexadecimal: "receiver_key", key.rawValue) }
        if case .data(_, _, let length, let checksum) = capable.form {
            member("data_level_length", length)
            if let checksum { member(hexadecimal: "checksum", checksum) }
        }
    }

    private mutating func members(of join: MPJoin) {
        switch join {
        case .syn(let isBackup, let id, let token, let nonce):
            member("backup", isBackup)
            member("address_id", id.rawValue)
            member(hexadecimal: "receiver_token", token.rawValue)
            member(hexadecimal: "sender_random_number", nonce)
        case .synAck(let isBackup, let id, let hmac, let nonce):
            member("backup", isBackup)
            member("address_id", id.rawValue)
            member(hexadecimal: "truncated_hmac", hmac.rawValue)
            member(hexadecimal: "sender_random_number", nonce)
        case .ack(let hmac):
            key("hmac")
            quoted { $0.append(hmac) }
        }
    }

    private mutating func members(of signal: DataSequenceSignal, _ numbers: DataNumbers?) {
        member(hexadecimal: "flags", signal.flags)
        member("data_fin", signal.hasFinFlag)
        if let acknowledgement = signal.acknowledgement {
            member("data_ack", acknowledgement.asSent)
            member("data_ack_size", acknowledgement.size)
            key("data_ack_64")
            whole(acknowledgement, numbers?.acknowledgement)
        }
        guard let mapping = signal.mapping else { return }
        member("dsn", mapping.sequence.asSent)
        member("dsn_size", mapping.sequence.size)
        key("dsn_64")
        whole(mapping.sequence, numbers?.sequence)
        member("subflow_sequence_number", mapping.subflowSequence)
        member("data_level_length", mapping.length)
        if let checksum = mapping.checksum { member(hexadecimal: "checksum", checksum) }
        member("infinite_mapping", mapping.length == 0)
    }

    private mutating func members(of announcement: AddAddress) {
        member("ip_version", announcement.address.isIPv4 ? 4 : 6)
        member("echo", announcement.isEcho)
        member("address_id", announcement.addressID.rawValue)
        key("address")
        quoted { $0.append(announcement.address) }
        if let port = announcement.port { member("port", port) }
        if case .announcement(let hmac) = announcement.kind { member(hexadecimal: "truncated_hmac", hmac.rawValue) }
    }

    private mutating func members(of reset: MPReset) {
        member(hexadecimal: "flags", reset.flags)
        member("transient", reset.isTransient)
        member("reason", reset.reason)
        key("reason_text")
        string(reset.reasonText)
    }

    /// A data sequence number in decimal, as a string: it has 64 bits.
    private mutating func member(_ name: StaticString, _ number: DataSequenceNumber) {
        key(name)
        quoted { $0.append(decimal: number.rawValue) }
    }

    private mutating func whole(_ sent: DataSequenceSignal.Number, _ expanded: DataSequenceNumber?) {
        if let whole = sent.whole(expanded) { quoted { $0.append(decimal: whole.rawValue) } } else { null() }
    }
}

extension DataSequenceSignal.Number {
    /// Bytes.
    var size: Int {
        if case .short = self { 4 } else { 8 }
    }

    /// As sent; the upper half is 0 if it wasn't.
    var asSent: DataSequenceNumber {
        switch self {
        case .short(let low): DataSequenceNumber(UInt64(low))
        case .long(let number): number
        }
    }

    /// With 64 bits; nil if they aren't known.
    func whole(_ expanded: DataSequenceNumber?) -> DataSequenceNumber? {
        if case .long(let number) = self { number } else { expanded }
    }
}

extension TextBuffer {
    /// Forty digits.
    mutating func append(_ hmac: MultipathHMAC) {
        append("0x")
        append(hexadecimal: hmac.high)
        append(hexadecimal: hmac.middle)
        append(hexadecimal: hmac.low)
    }
}
