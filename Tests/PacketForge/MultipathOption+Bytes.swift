import Wire

extension MultipathOption {
    /// The whole option, kind and length included (RFC 8684 section 3; RFC 6824 section 3 where version 0 differs).
    public var bytes: [UInt8] {
        let rest = afterLength
        return [30, UInt8(2 + rest.count)] + rest
    }

    private var afterLength: [UInt8] {
        switch self {
        case .capable(let capable): [capable.version, capable.flags.rawValue] + capable.form.bytes
        case .join(let join): join.afterLength
        case .dataSequenceSignal(let signal): [0x20, signal.flags] + signal.numbers
        case .addAddress(let announcement): announcement.afterLength
        case .removeAddress(let ids): [0x40] + ids.map(\.rawValue)
        case .priority(let priority):
            [0x50 | (priority.isBackup ? 1 : 0)] + (priority.addressID.map { [$0.rawValue] } ?? [])
        case .fail(let sequence): [0x60, 0] + big(sequence.rawValue)
        case .fastClose(let key): [0x70, 0] + big(key.rawValue)
        case .reset(let reset): [0x80 | reset.flags, reset.reason]
        case .unknown(let bytes): Array(bytes)
        }
    }
}

extension MPCapable.Form {
    fileprivate var bytes: [UInt8] {
        switch self {
        case .bare: []
        case .key(let sender): big(sender.rawValue)
        case .keys(let sender, let receiver): big(sender.rawValue) + big(receiver.rawValue)
        case .data(let sender, let receiver, let length, let checksum):
            big(sender.rawValue) + big(receiver.rawValue) + big(length) + (checksum.map { big($0) } ?? [])
        }
    }
}

extension MPJoin {
    fileprivate var afterLength: [UInt8] {
        switch self {
        case .syn(let isBackup, let id, let token, let nonce):
            [0x10 | (isBackup ? 1 : 0), id.rawValue] + big(token.rawValue) + big(nonce)
        case .synAck(let isBackup, let id, let hmac, let nonce):
            [0x10 | (isBackup ? 1 : 0), id.rawValue] + big(hmac.rawValue) + big(nonce)
        case .ack(let hmac): [0x10, 0] + big(hmac.high) + big(hmac.middle) + big(hmac.low)
        }
    }
}

extension DataSequenceSignal {
    /// What follows the flags: acknowledgement, then the mapping.
    fileprivate var numbers: [UInt8] {
        let acknowledged = acknowledgement?.bytes ?? []
        guard let mapping else { return acknowledged }
        return acknowledged + mapping.sequence.bytes + big(mapping.subflowSequence) + big(mapping.length)
            + (mapping.checksum.map { big($0) } ?? [])
    }
}

extension DataSequenceSignal.Number {
    fileprivate var bytes: [UInt8] {
        switch self {
        case .short(let low): big(low)
        case .long(let number): big(number.rawValue)
        }
    }
}

extension AddAddress {
    fileprivate var afterLength: [UInt8] {
        let field: UInt8 =
            switch kind {
            case .version0: address.isIPv4 ? 4 : 6
            case .announcement: 0
            case .echo: 1
            }
        var bytes = [0x30 | field, addressID.rawValue] + address.bytes.suffix(address.isIPv4 ? 4 : 16)
        if let port { bytes += big(port) }
        if case .announcement(let hmac) = kind { bytes += big(hmac.rawValue) }
        return bytes
    }
}
