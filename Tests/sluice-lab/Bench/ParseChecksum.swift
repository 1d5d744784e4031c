import Wire

/// Of all values that the options hold: a reader's own work, which is little beside finding them.
func checksum(of options: consuming TCPOptions) -> UInt64 {
    var sum: UInt64 = 0
    do throws(WireError) {
        while let option = try options.next() { sum = sum &* 31 &+ checksum(of: try option.content()) }
    } catch {
        preconditionFailure("a sample that isn't sound: \(error)")
    }
    return sum
}

private func checksum(of content: TCPOptionContent) -> UInt64 {
    switch content {
    case .maximumSegmentSize(let size): UInt64(size)
    case .windowScale(let shift): UInt64(shift)
    case .sackPermitted: 1
    case .sack(let blocks): blocks.reduce(0) { $0 ^ UInt64($1.left.rawValue) << 32 ^ UInt64($1.right.rawValue) }
    case .timestamps(let value, let echo): UInt64(value) << 32 | UInt64(echo)
    case .userTimeout(_, let value): UInt64(value)
    case .multipath(let option): checksum(of: option)
    case .authentication(_, _, let bytes), .experimental(_, _, let bytes), .other(_, let bytes),
        .md5Signature(let bytes), .fastOpen(let bytes):
        UInt64(bytes.count)
    }
}

private func checksum(of option: MultipathOption) -> UInt64 {
    switch option {
    case .capable(let capable):
        (capable.senderKey?.rawValue ?? 0) ^ (capable.receiverKey?.rawValue ?? 0) ^ UInt64(capable.flags.rawValue)
    case .join(.syn(_, let id, let token, let nonce)): UInt64(id.rawValue) ^ UInt64(token.rawValue ^ nonce)
    case .join(.synAck(_, let id, let hmac, let nonce)): UInt64(id.rawValue) ^ hmac.rawValue ^ UInt64(nonce)
    case .join(.ack(let hmac)): hmac.high ^ hmac.middle ^ UInt64(hmac.low)
    case .dataSequenceSignal(let signal): checksum(of: signal)
    case .addAddress(let announcement): announcement.address.high ^ announcement.address.low
    case .removeAddress(let ids): UInt64(ids.count)
    case .priority(let priority): priority.isBackup ? 1 : 0
    case .fail(let sequence): sequence.rawValue
    case .fastClose(let key): key.rawValue
    case .reset(let reset): UInt64(reset.reason)
    case .unknown(let bytes): UInt64(bytes.count)
    }
}

private func checksum(of signal: DataSequenceSignal) -> UInt64 {
    var sum: UInt64 = signal.isDataFIN ? 1 : 0
    if let number = signal.acknowledgement { sum ^= number.expanded(near: DataSequenceNumber(1)).rawValue }
    guard let mapping = signal.mapping else { return sum }
    return sum ^ mapping.sequence.expanded(near: DataSequenceNumber(1)).rawValue ^ UInt64(mapping.subflowSequence)
        ^ UInt64(mapping.length) ^ UInt64(mapping.checksum ?? 0)
}
