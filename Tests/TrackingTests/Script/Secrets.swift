import Wire

@testable import Tracking

/// Both keys of a connection, and the options that follow from them.
struct Secrets {
    let client: MultipathKey
    let server: MultipathKey
    var version: UInt8 = 1

    init(_ client: UInt64 = 0x0102_0304_0506_0708, _ server: UInt64 = 0x1112_1314_1516_1718, version: UInt8 = 1) {
        self.client = MultipathKey(client)
        self.server = MultipathKey(server)
        self.version = version
    }

    func key(_ host: Host) -> MultipathKey { host == .client ? client : server }

    func token(_ host: Host) -> Token { key(host).token(version: version) }

    /// The data sequence number of the host's first byte, and those behind it.
    func data(_ host: Host, _ offset: Int = 0) -> DataSequenceNumber {
        key(host).initialDataSequence(version: version).advanced(by: 1 + offset)
    }

    private func pair(_ host: Host) -> KeyPair { KeyPair(own: key(host), peer: key(host.peer), version: version) }

    private func capable(_ form: MPCapable.Form) -> MultipathOption {
        .capable(MPCapable(version: version, flags: .hmac, form: form))
    }

    var synOption: MultipathOption { capable(version == 0 ? .key(sender: client) : .bare) }
    var synAckOption: MultipathOption { capable(.key(sender: server)) }
    var ackOption: MultipathOption { capable(.keys(sender: client, receiver: server)) }

    func ackOption(data length: Int) -> MultipathOption {
        capable(.data(sender: client, receiver: server, length: UInt16(length), checksum: nil))
    }

    func joinSYN(by host: Host = .client, id: UInt8 = 1, nonce: UInt32 = 7, isBackup: Bool = false) -> MultipathOption {
        .join(.syn(isBackup: isBackup, addressID: AddressID(id), token: token(host.peer), nonce: nonce))
    }

    func joinSYNACK(
        by host: Host = .server, id: UInt8 = 0, nonce: UInt32 = 8, peerNonce: UInt32 = 7, isBackup: Bool = false
    ) -> MultipathOption {
        let hmac = pair(host).truncatedJoinHMAC(ownNonce: nonce, peerNonce: peerNonce)
        return .join(.synAck(isBackup: isBackup, addressID: AddressID(id), hmac: hmac, nonce: nonce))
    }

    func joinACK(by host: Host = .client, nonce: UInt32 = 7, peerNonce: UInt32 = 8) -> MultipathOption {
        .join(.ack(hmac: pair(host).joinHMAC(ownNonce: nonce, peerNonce: peerNonce)))
    }

    func addAddress(by host: Host, id: UInt8, _ address: IPAddress, port: UInt16? = nil) -> MultipathOption {
        let kind: AddAddress.Kind =
            version == 0 ? .version0 : .announcement(pair(host).addressHMAC(AddressID(id), address, port: port))
        return .addAddress(AddAddress(kind: kind, addressID: AddressID(id), address: address, port: port))
    }

    func fastClose(by host: Host) -> MultipathOption { .fastClose(key(host.peer)) }
}

/// DSS in the forms that hosts send.
enum Signal {
    static func acknowledge(_ number: DataSequenceNumber) -> MultipathOption {
        .dataSequenceSignal(DataSequenceSignal(acknowledgement: .long(number), mapping: nil))
    }

    static func map(
        _ number: DataSequenceNumber, length: Int, acknowledging up: DataSequenceNumber? = nil, isFIN: Bool = false,
        subflowSequence: UInt32 = 1
    ) -> MultipathOption {
        map(.long(number), length: length, acknowledging: up.map { .long($0) }, isFIN, subflowSequence)
    }

    /// With the lower halves of the numbers.
    static func mapShort(
        _ number: DataSequenceNumber, length: Int, acknowledging up: DataSequenceNumber? = nil, isFIN: Bool = false
    ) -> MultipathOption {
        map(
            .short(UInt32(truncatingIfNeeded: number.rawValue)), length: length,
            acknowledging: up.map { .short(UInt32(truncatingIfNeeded: $0.rawValue)) }, isFIN, 1)
    }

    private static func map(
        _ number: DataSequenceSignal.Number, length: Int, acknowledging up: DataSequenceSignal.Number?, _ isFIN: Bool,
        _ subflowSequence: UInt32
    ) -> MultipathOption {
        .dataSequenceSignal(
            DataSequenceSignal(
                acknowledgement: up,
                mapping: .init(sequence: number, subflowSequence: subflowSequence, length: UInt16(length)),
                hasFinFlag: isFIN))
    }
}
