import Handshake
import LinuxSystem
import NetfilterQueue

/// A SYN's packet, as what is decided about it is carried out.
struct SYNPacket {
    let arrival: Arrival
    let syn: SYN
    /// The whole IP packet.
    let bytes: UnsafeRawBufferPointer
    /// Has it waited for the outcome of a dial?
    let wasHeld: Bool

    init(_ packet: QueuedPacket, _ syn: SYN, at time: MonotonicTime) {
        arrival = Arrival(packet, at: time)
        self.syn = syn
        bytes = packet.payload
        wasHeld = false
    }

    init(_ arrival: Arrival, _ syn: SYN, _ bytes: UnsafeRawBufferPointer) {
        self.arrival = arrival
        self.syn = syn
        self.bytes = bytes
        wasHeld = false
    }

    init(_ held: HeldPacket, _ bytes: UnsafeRawBufferPointer) {
        arrival = held.arrival
        syn = held.syn
        self.bytes = bytes
        wasHeld = true
    }

    /// For how many nanoseconds; nil if it wasn't.
    func held(until now: MonotonicTime) -> UInt64? { wasHeld ? now.nanoseconds(since: arrival.time) : nil }
}
