import Handshake
import LinuxSystem
import NetfilterQueue
import Wire

// Joins to connections of other boxes of the cluster, and joins that they have led here.

extension SYNDesk {
    /// A SYN that a peer has led here, as it came in at that one; nil: by the interface of the peers, but it is none.
    func readFromPeer(_ packet: QueuedPacket, at now: MonotonicTime) -> SYNPacket? {
        guard let segment = try? Segment(packet.payload.bytes), let tag = segment.idleUrgentPointer, tag != 0,
            let name = InterfaceTag.name(tag, among: decider.policy.interfaces),
            let index = NetworkInterface.index(name), let length = segment.copySetting(urgentPointer: 0, to: led)
        else { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: led[..<length])
        guard let segment = try? Segment(bytes.bytes),
            let syn = try? SYN(
                segment, mark: packet.mark, inDevice: index, outDevice: packet.outDevice, isFromPeer: true)
        else { return nil }
        return SYNPacket(Arrival(packet, inDevice: index, at: now), syn, bytes)
    }

    /// Goes to a peer by way of the TUN device: there it meets the rule by which all that follows goes.
    func lead(_ packet: SYNPacket, to peer: Int, _ peers: any PeerPath) {
        let syn = packet.syn
        guard let device = NetworkInterface.index(tun.name) else { return obstruct(packet, .passToPeer, by: .unable) }
        if let error = peers.lead(syn.tuple, from: syn.way.inDevice, by: device, to: peer) {
            reports.notLed(error)
            return obstruct(packet, .passToPeer, by: .unable)
        }
        let tag = NetworkInterface.name(syn.way.inDevice).map(InterfaceTag.tag) ?? 0
        guard let segment = try? Segment(packet.bytes.bytes), segment.idleUrgentPointer != nil,
            let length = segment.copySetting(urgentPointer: tag, to: led)
        else { return obstruct(packet, .passToPeer, by: .unable) }
        if case .failure(let error) = tun.inject(UnsafeRawBufferPointer(rebasing: led[..<length])) {
            reports.notLed(SystemError("write to \(tun.name)", error))
            return obstruct(packet, .passToPeer, by: .unable)
        }
        conclude(packet, .passToPeer, peer: peer)
        queue.drop(packet.arrival.packetID)
    }
}
