import PacketForge
import Tracking
import Wire

/// The packets of an MPTCP connection with two subflows, as IP packets.
struct Conversation {
    let clientKey = MultipathKey(0x1111_2222_3333_4444)
    let serverKey = MultipathKey(0x5555_6666_7777_8888)
    var client = Endpoint("10.1.0.2:54738")!
    var joiner = Endpoint("10.2.0.2:40000")!
    var server = Endpoint("10.9.0.2:80")!

    var token: Token { serverKey.token(version: 1) }

    /// SYN, SYN-ACK, third ACK.
    var handshake: [[UInt8]] {
        [
            fromClient(0, flags: .syn, capable(.bare)),
            fromServer(0, flags: [.syn, .ack], capable(.key(sender: serverKey))),
            fromClient(1, capable(.keys(sender: clientKey, receiver: serverKey))),
        ]
    }

    /// Its mapping begins with the lower half of the first number.
    var data: [UInt8] {
        let first = clientKey.initialDataSequence(version: 1).advanced(by: 1)
        let signal = DataSequenceSignal(
            acknowledgement: nil,
            mapping: .init(
                sequence: .short(UInt32(truncatingIfNeeded: first.rawValue)), subflowSequence: 1, length: 5))
        return fromClient(1, .dataSequenceSignal(signal), payload: Array("hello".utf8))
    }

    /// SYN, SYN-ACK and third ACK of the second subflow; `change` is added to the ACK's HMAC.
    func join(change: UInt32 = 0) -> [[UInt8]] {
        let toServer = KeyPair(own: clientKey, peer: serverKey, version: 1)
        let toClient = KeyPair(own: serverKey, peer: clientKey, version: 1)
        let right = toServer.joinHMAC(ownNonce: 1, peerNonce: 2)
        let hmac = MultipathHMAC(high: right.high, middle: right.middle, low: right.low &+ change)
        let answer = toClient.truncatedJoinHMAC(ownNonce: 2, peerNonce: 1)
        return [
            draft(
                joiner, server, 0, .syn, .join(.syn(isBackup: false, addressID: AddressID(1), token: token, nonce: 1))),
            draft(
                server, joiner, 0, [.syn, .ack],
                .join(.synAck(isBackup: false, addressID: AddressID(0), hmac: answer, nonce: 2))),
            draft(joiner, server, 1, .ack, .join(.ack(hmac: hmac))),
        ]
    }

    var fastClose: [UInt8] { fromClient(6, .fastClose(serverKey)) }

    private func capable(_ form: MPCapable.Form) -> MultipathOption {
        .capable(MPCapable(version: 1, flags: .hmac, form: form))
    }

    private func fromClient(
        _ sequence: UInt32, flags: TCPFlags = .ack, _ option: MultipathOption, payload: [UInt8] = []
    ) -> [UInt8] {
        draft(client, server, sequence, flags, option, payload: payload)
    }

    private func fromServer(_ sequence: UInt32, flags: TCPFlags, _ option: MultipathOption) -> [UInt8] {
        draft(server, client, sequence, flags, option)
    }

    private func draft(
        _ source: Endpoint, _ destination: Endpoint, _ sequence: UInt32, _ flags: TCPFlags, _ option: MultipathOption,
        payload: [UInt8] = []
    ) -> [UInt8] {
        PacketDraft(
            source: source, destination: destination, sequence: sequence, flags: flags, options: option.bytes,
            payload: payload
        ).bytes
    }
}
