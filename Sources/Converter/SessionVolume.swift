import Wire

/// What a converted connection has moved so far. Costs no call of the kernel.
public struct SessionVolume: Sendable {
    public let tuple: FourTuple
    /// Bytes handed to the client's socket, and to the server's.
    public let bytesToClient: UInt64
    public let bytesToServer: UInt64
}

extension Worker {
    /// Slots that are looked at in one go.
    private static let mostVolumesAtATime = 1024

    /// The volumes of sessions from a slot on, and the slot to go on from; nil at the end.
    func volumes(fromSlot slot: Int) -> ([SessionVolume], Int?) {
        var volumes: [SessionVolume] = []
        let next = sessions.forEach(from: slot, limit: Self.mostVolumesAtATime) { session in
            volumes.append(
                SessionVolume(
                    tuple: session.tuple, bytesToClient: session.toClient.relayed,
                    bytesToServer: session.toServer.relayed))
        }
        return (volumes, next)
    }
}

extension Converter {
    /// What each connection has moved so far.
    public func volumes() async -> [SessionVolume] {
        var all: [SessionVolume] = []
        for mailbox in mailboxes {
            var slot: Int? = 0
            while let start = slot {
                let (some, next) = await withCheckedContinuation { continuation in
                    mailbox.post(.volumes(fromSlot: start) { continuation.resume(returning: ($0, $1)) })
                }
                all += some
                slot = next
            }
        }
        return all
    }
}
