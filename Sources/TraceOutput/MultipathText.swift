import Tracking
import Wire

extension TextBuffer {
    mutating func append(_ option: MultipathOption, _ numbers: DataNumbers?) {
        append(text: option.name)
        switch option {
        case .capable(let capable): append(capable)
        case .join(let join): append(join)
        case .dataSequenceSignal(let signal): append(signal, numbers)
        case .addAddress(let announcement): append(announcement)
        case .removeAddress(let ids):
            var separator: StaticString = " id "
            for id in ids {
                append(separator, id.rawValue)
                separator = ","
            }
        case .priority(let priority):
            if priority.isBackup { append(" backup") }
            if let id = priority.addressID { append(" id ", id.rawValue) }
        case .fail(let sequence): append(" seq ", sequence.rawValue)
        case .fastClose(let key): append(hexadecimal: " receiver ", key.rawValue)
        case .reset(let reset):
            append(" reason ", reset.reason)
            append(" (")
            append(text: reset.reasonText)
            append(reset.isTransient ? ", transient)" : ")")
        case .unknown(let bytes): append(" ", bytes)
        }
    }

    private mutating func append(_ capable: MPCapable) {
        append(" v", capable.version)
        append(hexadecimal: " flags ", capable.flags.rawValue)
        if capable.flags.contains(.checksumRequired) { append(" checksum") }
        if capable.version == 1, capable.flags.contains(.denyJoin) { append(" deny-join") }
        if let key = capable.senderKey { append(hexadecimal: " sender ", key.rawValue) }
        if let key = capable.receiverKey { append(hexadecimal: " receiver ", key.rawValue) }
        if case .data(_, _, let length, let checksum) = capable.form {
            append(" len ", length)
            if let checksum { append(hexadecimal: " csum ", checksum) }
        }
    }

    private mutating func append(_ join: MPJoin) {
        switch join {
        case .syn(let isBackup, let id, let token, let nonce):
            if isBackup { append(" backup") }
            append(" id ", id.rawValue)
            append(hexadecimal: " token ", token.rawValue)
            append(hexadecimal: " nonce ", nonce)
        case .synAck(let isBackup, let id, let hmac, let nonce):
            if isBackup { append(" backup") }
            append(" id ", id.rawValue)
            append(hexadecimal: " hmac ", hmac.rawValue)
            append(hexadecimal: " nonce ", nonce)
        case .ack(let hmac):
            append(" hmac ")
            append(hmac)
        }
    }

    private mutating func append(_ signal: DataSequenceSignal, _ numbers: DataNumbers?) {
        if signal.hasFinFlag { append(" fin") }
        if let acknowledgement = signal.acknowledgement {
            append(" ack ", acknowledgement, numbers?.acknowledgement)
        }
        guard let mapping = signal.mapping else { return }
        append(" seq ", mapping.sequence, numbers?.sequence)
        append(" subseq ", mapping.subflowSequence)
        append(" len ", mapping.length)
        if let checksum = mapping.checksum { append(hexadecimal: " csum ", checksum) }
        if mapping.length == 0 { append(" infinite") }
    }

    /// The whole number where it is known, else what was sent and how many bits that is.
    private mutating func append(
        _ prefix: StaticString, _ number: DataSequenceSignal.Number, _ expanded: DataSequenceNumber?
    ) {
        append(prefix, (number.whole(expanded) ?? number.asSent).rawValue)
        if number.whole(expanded) == nil { append("/32") }
    }

    private mutating func append(_ announcement: AddAddress) {
        if announcement.isEcho { append(" echo") }
        append(" id ", announcement.addressID.rawValue)
        append(" ")
        if let port = announcement.port {
            append(Endpoint(address: announcement.address, port: port))
        } else {
            append(announcement.address)
        }
        if case .announcement(let hmac) = announcement.kind { append(hexadecimal: " hmac ", hmac.rawValue) }
    }
}
