import Handshake

/// The packet of a SYN that waits in the queue for the outcome of a dial.
struct HeldPacket {
    let arrival: Arrival
    let syn: SYN
    /// The whole IP packet, to be put into the TUN device.
    let bytes: [UInt8]

    init(_ packet: SYNPacket) {
        arrival = packet.arrival
        syn = packet.syn
        bytes = Array(packet.bytes)
    }
}
