import Wire

extension MultipathOption {
    /// Any subtype in any of its forms, of version 0 as well as 1.
    public static func random(using generator: inout some RandomNumberGenerator) -> MultipathOption {
        switch Int.random(in: 0...9, using: &generator) {
        case 0: return .capable(.random(using: &generator))
        case 1: return .join(.random(using: &generator))
        case 2: return .dataSequenceSignal(.random(using: &generator))
        case 3: return .addAddress(.random(using: &generator))
        case 4:
            let count = Int.random(in: 1...37, using: &generator)
            return .removeAddress(RemovedAddresses((0..<count).map { _ in .random(using: &generator) })!)
        case 5:
            let id: UInt8? = generator.perhaps()
            return .priority(MPPriority(isBackup: .random(using: &generator), addressID: id.map { AddressID($0) }))
        case 6: return .fail(DataSequenceNumber(generator.word()))
        case 7: return .fastClose(.random(using: &generator))
        case 8: return .reset(MPReset(flags: generator.word(), reason: generator.word()))
        default: return unknown(using: &generator)
        }
    }

    /// An experiment, an unassigned subtype, or MP_CAPABLE of a version to come.
    private static func unknown(using generator: inout some RandomNumberGenerator) -> MultipathOption {
        let low = UInt8.random(in: 0...15, using: &generator)
        if Bool.random(using: &generator) {
            return .unknown(OptionBytes([max(2, low)] + generator.bytes(1...37)))
        }
        let subtype = UInt8.random(in: 9...15, using: &generator)
        return .unknown(OptionBytes([subtype << 4 | low] + generator.bytes(0...37)))
    }
}

extension MPCapable {
    static func random(using generator: inout some RandomNumberGenerator) -> MPCapable {
        let version = UInt8.random(in: 0...1, using: &generator)
        let sender = MultipathKey.random(using: &generator)
        let receiver = MultipathKey.random(using: &generator)
        let forms: [Form] = [
            .key(sender: sender), .keys(sender: sender, receiver: receiver), .bare,
            .data(sender: sender, receiver: receiver, length: generator.word(), checksum: generator.perhaps()),
        ]
        let form = forms.prefix(version == 0 ? 2 : 4).randomElement(using: &generator)!
        return MPCapable(version: version, flags: Flags(rawValue: generator.word()), form: form)
    }
}

extension MPJoin {
    static func random(using generator: inout some RandomNumberGenerator) -> MPJoin {
        let isBackup = Bool.random(using: &generator)
        let id = AddressID.random(using: &generator)
        switch Int.random(in: 0...2, using: &generator) {
        case 0: return .syn(isBackup: isBackup, addressID: id, token: Token(generator.word()), nonce: generator.word())
        case 1:
            return .synAck(
                isBackup: isBackup, addressID: id, hmac: TruncatedHMAC(generator.word()), nonce: generator.word())
        default:
            return .ack(
                hmac: MultipathHMAC(high: generator.word(), middle: generator.word(), low: generator.word()))
        }
    }
}

extension DataSequenceSignal {
    static func random(using generator: inout some RandomNumberGenerator) -> DataSequenceSignal {
        let mapping = Mapping(
            sequence: .random(using: &generator), subflowSequence: generator.word(), length: generator.word(),
            checksum: generator.perhaps())
        return DataSequenceSignal(
            acknowledgement: Bool.random(using: &generator) ? .random(using: &generator) : nil,
            mapping: Bool.random(using: &generator) ? mapping : nil, hasFinFlag: .random(using: &generator))
    }
}

extension DataSequenceSignal.Number {
    static func random(using generator: inout some RandomNumberGenerator) -> Self {
        Bool.random(using: &generator) ? .short(generator.word()) : .long(DataSequenceNumber(generator.word()))
    }
}

extension AddAddress {
    static func random(using generator: inout some RandomNumberGenerator) -> AddAddress {
        let kinds: [Kind] = [.version0, .announcement(TruncatedHMAC(generator.word())), .echo]
        return AddAddress(
            kind: kinds.randomElement(using: &generator)!, addressID: .random(using: &generator),
            address: generator.address(), port: generator.perhaps())
    }
}
