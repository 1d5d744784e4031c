/// A Multipath TCP option: version 1 (RFC 8684 section 3), and version 0 (RFC 6824) where the two differ. It is checked
/// when it is made from bytes; what has been made is sound in form, if not in meaning.
public enum MultipathOption: Hashable, Sendable {
    case capable(MPCapable)
    case join(MPJoin)
    case dataSequenceSignal(DataSequenceSignal)
    case addAddress(AddAddress)
    /// REMOVE_ADDR (section 3.4.2): at least one.
    case removeAddress(RemovedAddresses)
    case priority(MPPriority)
    /// MP_FAIL (section 3.7): where in the data the checksum failed, or from where on the mapping is infinite.
    case fail(DataSequenceNumber)
    /// MP_FASTCLOSE (section 3.5), with the key of the host that receives it.
    case fastClose(MultipathKey)
    case reset(MPReset)
    /// A subtype that is for experiments (15) or not assigned, or MP_CAPABLE of a version beyond 1: what follows the
    /// option's length, as it came.
    case unknown(OptionBytes)

    /// The upper half of the option's third byte.
    public var subtype: UInt8 {
        switch self {
        case .capable: 0
        case .join: 1
        case .dataSequenceSignal: 2
        case .addAddress: 3
        case .removeAddress: 4
        case .priority: 5
        case .fail: 6
        case .fastClose: 7
        case .reset: 8
        case .unknown(let bytes): bytes[0] >> 4
        }
    }

    /// As IANA lists them: `MP_CAPABLE`, `DSS` …; `UNASSIGNED_9` for what isn't there.
    public var name: String { Self.name(ofSubtype: subtype) }

    static func name(ofSubtype subtype: UInt8) -> String {
        switch subtype {
        case 0: "MP_CAPABLE"
        case 1: "MP_JOIN"
        case 2: "DSS"
        case 3: "ADD_ADDR"
        case 4: "REMOVE_ADDR"
        case 5: "MP_PRIO"
        case 6: "MP_FAIL"
        case 7: "MP_FASTCLOSE"
        case 8: "MP_TCPRST"
        case 15: "MP_EXPERIMENTAL"
        default: "UNASSIGNED_\(subtype)"
        }
    }
}

/// MP_CAPABLE (RFC 8684 section 3.1; RFC 6824 section 3.1).
public struct MPCapable: Hashable, Sendable {
    /// Which of the option's forms; its length tells.
    public enum Form: Hashable, Sendable {
        /// SYN, version 1.
        case bare
        /// SYN-ACK; in version 0 the SYN as well.
        case key(sender: MultipathKey)
        /// Third ACK.
        case keys(sender: MultipathKey, receiver: MultipathKey)
        /// The client's first data, version 1: their length in bytes, and a checksum if those are in use.
        case data(sender: MultipathKey, receiver: MultipathKey, length: UInt16, checksum: UInt16?)
    }

    /// The bits A to H.
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8

        @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// A: data checksums are required.
        public static let checksumRequired = Flags(rawValue: 0x80)
        /// B: there are extensions that nobody has defined yet.
        public static let extensibility = Flags(rawValue: 0x40)
        /// C: no subflow may be opened to this address and port (version 1).
        public static let denyJoin = Flags(rawValue: 0x20)
        /// H: HMAC-SHA256 in version 1, HMAC-SHA1 in version 0.
        public static let hmac = Flags(rawValue: 0x01)
    }

    /// 0 or 1.
    public let version: UInt8
    public let flags: Flags
    public let form: Form

    public init(version: UInt8, flags: Flags, form: Form) {
        self.version = version
        self.flags = flags
        self.form = form
    }

    public var senderKey: MultipathKey? {
        switch form {
        case .bare: nil
        case .key(let sender), .keys(let sender, _), .data(let sender, _, _, _): sender
        }
    }

    public var receiverKey: MultipathKey? {
        switch form {
        case .bare, .key: nil
        case .keys(_, let receiver), .data(_, let receiver, _, _): receiver
        }
    }
}

/// MP_JOIN in its three forms (RFC 8684 section 3.2).
public enum MPJoin: Hashable, Sendable {
    /// The token is that of the host which receives it.
    case syn(isBackup: Bool, addressID: AddressID, token: Token, nonce: UInt32)
    case synAck(isBackup: Bool, addressID: AddressID, hmac: TruncatedHMAC, nonce: UInt32)
    case ack(hmac: MultipathHMAC)
}

/// DSS (RFC 8684 section 3.3): data acknowledgement, mapping, DATA_FIN.
public struct DataSequenceSignal: Hashable, Sendable {
    /// A data sequence number as it is sent: whole, or its lower half.
    public enum Number: Hashable, Sendable {
        case short(UInt32)
        case long(DataSequenceNumber)

        /// The whole number, given one that it can't be far from.
        @inlinable
        public func expanded(near reference: DataSequenceNumber) -> DataSequenceNumber {
            switch self {
            case .short(let low): DataSequenceNumber(low: low, near: reference)
            case .long(let number): number
            }
        }
    }

    public struct Mapping: Hashable, Sendable {
        public let sequence: Number
        /// Relative to the subflow's initial sequence number.
        public let subflowSequence: UInt32
        /// Bytes, the DATA_FIN counting as one; 0: an infinite mapping, from here on plain TCP (section 3.7).
        public let length: UInt16
        public let checksum: UInt16?

        public init(sequence: Number, subflowSequence: UInt32, length: UInt16, checksum: UInt16? = nil) {
            self.sequence = sequence
            self.subflowSequence = subflowSequence
            self.length = length
            self.checksum = checksum
        }
    }

    public let acknowledgement: Number?
    public let mapping: Mapping?
    /// F: means nothing without a mapping (section 3.3.3).
    public let hasFinFlag: Bool

    public init(acknowledgement: Number?, mapping: Mapping?, hasFinFlag: Bool = false) {
        self.acknowledgement = acknowledgement
        self.mapping = mapping
        self.hasFinFlag = hasFinFlag
    }

    public var isDataFIN: Bool { hasFinFlag && mapping != nil }

    /// The option's fourth byte without its reserved bits: F, m, M, a, A.
    public var flags: UInt8 {
        var flags: UInt8 = hasFinFlag ? 0x10 : 0
        switch mapping?.sequence {
        case .short: flags |= 0x04
        case .long: flags |= 0x0c
        case nil: break
        }
        switch acknowledgement {
        case .short: flags |= 0x01
        case .long: flags |= 0x03
        case nil: break
        }
        return flags
    }
}

/// ADD_ADDR (RFC 8684 section 3.4.1; RFC 6824 section 3.4.1).
public struct AddAddress: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// Version 0, which has neither HMAC nor echo.
        case version0
        case announcement(TruncatedHMAC)
        /// The receiver's word that it has come.
        case echo
    }

    public let kind: Kind
    public let addressID: AddressID
    public let address: IPAddress
    /// nil: the port of the connection.
    public let port: UInt16?

    public init(kind: Kind, addressID: AddressID, address: IPAddress, port: UInt16?) {
        self.kind = kind
        self.addressID = addressID
        self.address = address
        self.port = port
    }

    public var isEcho: Bool { kind == .echo }
}

/// The addresses that a REMOVE_ADDR names: 1 to 37.
public struct RemovedAddresses: Hashable, Sendable {
    private let bytes: OptionBytes

    /// nil unless there are 1 to 37.
    public init?(_ ids: [AddressID]) {
        guard (1...37).contains(ids.count) else { return nil }
        self.init(bytes: OptionBytes(ids.map(\.rawValue)))
    }

    init(bytes: OptionBytes) { self.bytes = bytes }
}

extension RemovedAddresses: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { bytes.count }
    public subscript(index: Int) -> AddressID { AddressID(bytes[index]) }
}

/// MP_PRIO (RFC 8684 section 3.3.8).
public struct MPPriority: Hashable, Sendable {
    public let isBackup: Bool
    /// Version 0 may name another subflow's address than the one that carries the option.
    public let addressID: AddressID?

    public init(isBackup: Bool, addressID: AddressID? = nil) {
        self.isBackup = isBackup
        self.addressID = addressID
    }
}

/// MP_TCPRST (RFC 8684 section 3.6).
public struct MPReset: Hashable, Sendable {
    /// U, V, W (not defined yet) and T, four bits.
    public let flags: UInt8
    public let reason: UInt8

    public init(flags: UInt8, reason: UInt8) {
        self.flags = flags & 0x0f
        self.reason = reason
    }

    /// T: the cause may go away, so that it is worth another try.
    public var isTransient: Bool { flags & 1 == 1 }

    /// In the words of the section's list.
    public var reasonText: String {
        switch reason {
        case 0: "unspecified"
        case 1: "MPTCP-specific error"
        case 2: "lack of resources"
        case 3: "administratively prohibited"
        case 4: "too much outstanding data"
        case 5: "unacceptable performance"
        case 6: "middlebox interference"
        default: "unassigned"
        }
    }
}
