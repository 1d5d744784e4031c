import Handshake
import LinuxSystem
import NetfilterQueue
import Wire

// A SYN is read and handed to the decider, and what that says is done.

extension SYNDesk {
    func decide(_ packet: QueuedPacket) {
        let now = MonotonicTime.now
        let isFromPeer = peerInterface?.has(packet.inDevice, at: now) ?? false
        if isFromPeer, let led = readFromPeer(packet, at: now) {
            return carryOut(decider.received(led.syn, &facts, at: now.nanoseconds), led)
        }
        let syn: SYN
        do throws(WireError) {
            let segment = try Segment(packet.payload.bytes)
            syn = try SYN(
                segment, mark: packet.mark, inDevice: packet.inDevice, outDevice: packet.outDevice,
                isFromPeer: isFromPeer)
        } catch {
            reports.malformed(error)
            concludeUnreadable(packet, at: now)
            return queue.accept(packet.id)
        }
        carryOut(decider.received(syn, &facts, at: now.nanoseconds), SYNPacket(packet, syn, at: now))
    }

    /// What becomes of a held SYN; `action`: nil when it isn't held any more.
    func settle(_ id: UInt64, _ action: SYNAction?) {
        guard let action, let held = heldPackets.removeValue(forKey: id) else { return }
        held.bytes.withUnsafeBytes { carryOut(action, SYNPacket(held, $0)) }
    }

    private func carryOut(_ action: SYNAction, _ packet: SYNPacket) {
        switch action {
        case .pass(let decision): pass(packet, decision)
        case .passForgoing(let decision):
            stream.forgo(packet.syn.tuple)
            pass(packet, decision)
        case .passLost:
            stream.lost(from: packet.arrival.inDevice)
            pass(packet, .passNotTaken)
        case .drop:
            conclude(packet, .dropRetransmissionOfHeld)
            queue.drop(packet.arrival.packetID)
        case .intercept(let decision, let size): intercept(packet, decision, size)
        case .dial(let request):
            guard stream.dial(request) else { return carryOut(decider.refused(request.id), packet) }
            heldPackets.updateValue(HeldPacket(packet), forKey: request.id)
        case .ask(let question):
            heldPackets.updateValue(HeldPacket(packet), forKey: question.id)
            peers?.ask(question)
        case .lead(let peer): if let peers { lead(packet, to: peer, peers) }
        }
    }

    private func pass(_ packet: SYNPacket, _ decision: Decision) {
        switch decision {
        case .passNotTaken:
            reports.notTaken(packet.syn.tuple, device: tun.name)
            watch.withdraw(packet.syn.tuple)
        case .passPortOccupied: reports.occupied(packet.syn.tuple.server.port)
        default: break
        }
        if packet.wasHeld { log.debug("\(packet.syn.tuple): \(decision.description)") }
        conclude(packet, decision)
        queue.accept(packet.arrival.packetID)
    }

    /// The listener is made to stand only now that it is clear that the SYN goes in: a client that tries all ports must not
    /// take all descriptors.
    private func intercept(_ packet: SYNPacket, _ decision: Decision, _ size: UInt16?) {
        let syn = packet.syn
        if let error = stream.ensureListener(for: syn.tuple, isJoin: decision == .interceptJoin) {
            reports.unavailable(syn.tuple.server.port, error)
            return obstruct(packet, decision, by: Obstacle(error))
        }
        reports.available(syn.tuple.server.port)
        if decision == .interceptSplit || decision == .interceptSplitOverLimit { stream.announce(syn.tuple, syn.way) }
        let now = MonotonicTime.now
        // Before it goes in, since the box's answer comes at once, by a queue of another thread.
        let record = look(packet, decision, at: now)
        guard injectLowered(packet.bytes, to: size) else {
            watch.withdraw(syn.tuple)
            return obstruct(packet, decision, by: .unable)
        }
        conclude(packet, decision, record, at: now)
        decider.entered(syn.identity, at: now.nanoseconds)
        queue.drop(packet.arrival.packetID)
    }

    func obstruct(_ packet: SYNPacket, _ decision: Decision, by obstacle: Obstacle) {
        let now = MonotonicTime.now.nanoseconds
        carryOut(decider.obstructed(packet.syn.identity, decision, by: obstacle, at: now), packet)
    }

    /// What the client is sent may be no larger than what the server could send: forwarded, it would have come from there.
    private func injectLowered(_ bytes: UnsafeRawBufferPointer, to size: UInt16?) -> Bool {
        guard let size, let segment = try? Segment(bytes.bytes),
            let length = segment.copyLowering(maximumSegmentSize: size, to: scratch)
        else { return inject(bytes) }
        return inject(UnsafeRawBufferPointer(rebasing: scratch[..<length]))
    }

    /// Puts the packet into the stack by the TUN device, before its queued copy is dropped: if that fails, it can still
    /// go on.
    private func inject(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if let segment = try? Segment(bytes.bytes) { segmentSizes.note(segment) }
        switch tun.inject(bytes) {
        case .success: return true
        case .failure(let error):
            counters.injectionFailures.wrappingAdd(1, ordering: .relaxed)
            reports.injectionFailed(error, device: tun.name)
            return false
        }
    }
}
