import LinuxSystem
import NetfilterQueue

/// How a SYN came to the queue.
struct Arrival {
    let packetID: UInt32
    let mark: UInt32
    let inDevice: UInt32
    let outDevice: UInt32
    /// As `QueuedPacket.time`.
    let kernelTime: Int64?
    let time: MonotonicTime

    /// `inDevice`: where it came in, if not here.
    init(_ packet: QueuedPacket, inDevice: UInt32? = nil, at time: MonotonicTime) {
        packetID = packet.id
        mark = packet.mark
        self.inDevice = inDevice ?? packet.inDevice
        outDevice = packet.outDevice
        kernelTime = packet.time
        self.time = time
    }
}
