import LinuxSystem
import NetfilterQueue
import Policy
import SystemPackage
import Wire

// The decision about a SYN (docs/architecture.md, "A connection's way").

extension SYNDesk {
    func decide(_ packet: QueuedPacket) {
        switch packet.hook {
        case QueuedPacket.localOut: return ask(packet)
        case QueuedPacket.localIn: return readAnswer(packet)
        default: break
        }
        let syn: SYN
        do throws(WireError) {
            syn = try SYN(packet)
        } catch {
            if let suppressed = malformedLog.pass(.now) {
                log.notice("malformed SYN forwarded: \(error) (\(suppressed) more not logged)")
            }
            return pass(packet, .passMalformed)
        }
        if isSubstituted { return pass(packet, .passUnable, syn) }
        switch syn.multipath {
        case .join(let token, _): decideJoin(packet, syn, token)
        case .capable(version: 1, checksums: false): decideCapable(packet, syn)
        case .capable(version: 1, checksums: true): pass(packet, .passChecksums, syn)
        case .capable: pass(packet, .passOldVersion, syn)
        case .other, nil: pass(packet, .passNotMultipath, syn)
        }
    }

    /// Whatever interface it comes in on: a client joins by the link that the connection was not opened on.
    private func decideJoin(_ packet: QueuedPacket, _ syn: SYN, _ token: Token) {
        switch injected.fate(of: syn.identity, at: MonotonicTime.now.nanoseconds) {
        case .notInjected: break
        case .underWay: return drop(packet, syn)
        case .lost:
            reportNotTaken(syn)
            return pass(packet, .passNotTaken, syn)
        }
        do {
            // The kernel's table is the truth, and has to be asked where the tracker knows of no such connection.
            guard
                try watch.isConverted(token, at: syn.tuple.server.address)
                    || diagnostics.hasConnection(token: token.rawValue)
            else {
                return pass(packet, .passUnknownToken, syn)
            }
        } catch {
            if let suppressed = errorLog.pass(.now) {
                log.error("can't ask the kernel for token \(token): \(error) (\(suppressed) more not logged)")
            }
            return pass(packet, .passUnable, syn)
        }
        if let reason = prepareListener(for: syn.tuple, isJoin: true) { return pass(packet, reason, syn) }
        intercept(packet, .interceptJoin, syn)
    }

    private func decideCapable(_ packet: QueuedPacket, _ syn: SYN) {
        let fate = injected.fate(of: syn.identity, at: MonotonicTime.now.nanoseconds)
        if held.contains(syn.tuple) || fate == .underWay { return drop(packet, syn) }
        if let reason = reasonToPass(packet, syn, fate) { return pass(packet, reason, syn) }
        let plan: DialPlan
        switch stream.advice(for: syn.tuple) {
        case .dial(let advised): plan = advised
        case .speaksMultipath: return pass(packet, .passServerSpeaksMultipath, syn)
        case .silent: return pass(packet, .passServerSilent, syn)
        }
        guard policy.connect == .faithful else { return split(packet, syn, .interceptSplit) }
        let id = held.nextID()
        let arrival = Arrival(packet)
        let request = DialRequest(
            id: id, tuple: syn.tuple, way: Self.way(of: syn, packet), received: arrival.time.nanoseconds, plan: plan)
        guard stream.dial(request) else {
            return split(packet, syn, .interceptSplitOverLimit)
        }
        held.hold(HeldSYN(arrival: arrival, syn: syn, bytes: Array(packet.payload), timeout: plan.timeout), as: id)
    }

    private static func way(of syn: SYN, _ packet: QueuedPacket) -> Way {
        Way(
            mark: packet.mark, inDevice: packet.inDevice, outDevice: packet.outDevice,
            dscp: DSCP(trafficClass: syn.typeOfService),
            maximumSegmentSize: syn.maximumSegmentSize)
    }

    private func reasonToPass(_ packet: QueuedPacket, _ syn: SYN, _ fate: InjectedSYNs.Fate) -> Decision? {
        guard interfaces.contains(packet.inDevice) else { return .passOtherInterface }
        guard policy.covers(syn.tuple) else { return .passPolicy }
        if policy.passedPorts.contains(syn.tuple.server.port) { return .passHelper }
        if passed.value(for: syn.identity, at: MonotonicTime.now.nanoseconds) != nil { return .passDecidedBefore }
        if fate == .lost {
            reportNotTaken(syn)
            // Of one that was dialled for, the converter learns by itself that its client doesn't come.
            if policy.connect == .split { stream.lost(from: packet.inDevice) }
            return .passNotTaken
        }
        if policy.hasZonesByDirection { return .passZones }
        if stream.completesNone(from: packet.inDevice) { return .passNoneCompletes }
        switch stage {
        case .starting: return .passStarting
        case .draining: return .passDraining
        case .aside: return .passDegraded
        case .converting: break
        }
        guard stream.hasRoom else { return .passNoRoom }
        guard trackingRoom.suffices(at: .now) else { return .passTrackingFull }
        let flow = RouteLookup.Flow(
            from: syn.tuple.client, to: syn.tuple.server, mark: packet.mark,
            typeOfService: syn.typeOfService)
        guard exits.agrees(flow, inDevice: packet.inDevice, copiesDSCP: policy.copiesDSCP) else { return .passOtherWay }
        guard let error = stream.listenerRefusal(for: syn.tuple) else { return nil }
        if error.errno == .addressInUse { reportUnavailable(port: syn.tuple.server.port, error) }
        return Self.reason(error)
    }

    /// Makes the listener stand; why the SYN has to go on if it can't. Only once it is clear that the SYN goes in: a
    /// client that tries all ports must not take all descriptors.
    private func prepareListener(for tuple: FourTuple, isJoin: Bool) -> Decision? {
        guard let error = stream.ensureListener(for: tuple, isJoin: isJoin) else {
            occupiedPorts.remove(tuple.server.port)
            return nil
        }
        reportUnavailable(port: tuple.server.port, error)
        return Self.reason(error)
    }

    private static func reason(_ error: SystemError) -> Decision {
        switch error.errno {
        case .addressInUse: .passPortOccupied
        case .tooManyOpenFiles: .passNoRoom
        default: .passUnable
        }
    }

    /// The client sends it again; the first one goes on.
    private func drop(_ packet: QueuedPacket, _ syn: SYN) {
        conclude(packet, .dropRetransmissionOfHeld, syn)
        queue.drop(packet.id)
    }

    /// Put into the TUN device again, it would be dropped again, and the client kept waiting.
    private func reportNotTaken(_ syn: SYN) {
        guard let suppressed = notTakenLog.pass(.now) else { return }
        log.warning(
            """
            \(syn.tuple): its SYN was dropped on the way from \(tun.name) to the listener, so it is not converted \
            (\(suppressed) more not logged); look for an rpfilter match or an nftables chain that drops packets on \
            \(tun.name), and let it accept iifname "\(tun.name)"
            """)
    }

    /// Once for each port, until it can be had.
    private func reportUnavailable(port: UInt16, _ error: SystemError) {
        guard occupiedPorts.insert(port).inserted else { return }
        if error.errno == .addressInUse {
            log.warning(
                """
                port \(port) is taken by a service of this router, so connections to it are not converted; \
                bind that service to its own address instead of the wildcard
                """)
        } else {
            log.error("no listener on port \(port), so connections to it are not converted: \(error)")
        }
    }

    /// The dial for a held SYN has been answered.
    func settle(_ id: UInt64, _ outcome: DialOutcome) {
        guard let syn = held.release(id) else { return }
        let now = MonotonicTime.now
        switch outcome {
        case .connected(let size):
            if let reason = prepareListener(for: syn.identity.tuple, isJoin: false) {
                forgo(syn, reason)
            } else if syn.bytes.withUnsafeBytes({ injectLowered($0, to: size) }) {
                conclude(syn, .interceptConverted, at: now)
                injected.note(syn.identity, at: now.nanoseconds)
                queue.drop(syn.arrival.packetID)
            } else {
                forgo(syn, .passUnable)
            }
        case .speaksMultipath: pass(syn, .passServerSpeaksMultipath)
        case .refused: pass(syn, .passServerRefused)
        case .silent: pass(syn, .passServerSilent)
        case .otherWay: pass(syn, .passOtherWay)
        case .noRoom: pass(syn, .passNoRoom)
        case .unable: pass(syn, .passUnable)
        }
    }

    /// The answer to its dial doesn't come, or comes too late.
    func giveUp(_ id: UInt64) {
        guard let syn = held.release(id) else { return }
        forgo(syn, .passUnable)
    }

    /// The server may have answered the box, and must not take it for a client.
    private func forgo(_ syn: HeldSYN, _ reason: Decision) {
        stream.forgo(syn.identity.tuple)
        pass(syn, reason)
    }

    private func pass(_ syn: HeldSYN, _ reason: Decision) {
        log.debug("\(syn.identity.tuple): \(reason.description)")
        rememberPassed(syn.identity)
        conclude(syn, reason)
        queue.accept(syn.arrival.packetID)
    }

    private func pass(_ packet: QueuedPacket, _ reason: Decision, _ syn: SYN? = nil) {
        if let syn, reason.isPassing { rememberPassed(syn.identity) }
        conclude(packet, reason, syn)
        queue.accept(packet.id)
    }

    private func rememberPassed(_ syn: SYNIdentity) {
        passed.remember(true, for: syn, at: MonotonicTime.now.nanoseconds, lifetime: Self.passedLifetime)
    }

    private func split(_ packet: QueuedPacket, _ syn: SYN, _ reason: Decision) {
        if let reason = prepareListener(for: syn.tuple, isJoin: false) { return pass(packet, reason, syn) }
        stream.announce(syn.tuple, Self.way(of: syn, packet))
        intercept(packet, reason, syn)
    }

    private func intercept(_ packet: QueuedPacket, _ reason: Decision, _ syn: SYN) {
        let now = MonotonicTime.now
        guard inject(packet.payload) else { return pass(packet, .passUnable, syn) }
        conclude(packet, reason, syn, at: now)
        injected.note(syn.identity, at: now.nanoseconds)
        queue.drop(packet.id)
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
        switch tun.inject(bytes) {
        case .success: return true
        case .failure(let error):
            counters.injectionFailures.wrappingAdd(1, ordering: .relaxed)
            if let suppressed = errorLog.pass(.now) {
                log.error("can't write to \(tun.name): \(error) (\(suppressed) more not logged)")
            }
            return false
        }
    }
}

/// What the decision needs of a SYN.
struct SYN {
    let identity: SYNIdentity
    let multipath: MultipathSYN?
    /// The IP header's, DSCP and ECN.
    let typeOfService: UInt8
    /// As announced, in bytes.
    let maximumSegmentSize: UInt16?

    init(_ packet: QueuedPacket) throws(WireError) {
        let segment = try Segment(packet.payload.bytes)
        let tuple = FourTuple(client: segment.source, server: segment.destination)
        identity = SYNIdentity(tuple: tuple, sequence: segment.sequence)
        multipath = try segment.multipathSYN()
        let bytes = packet.payload
        typeOfService = bytes[0] >> 4 == 4 ? bytes[1] : bytes[0] << 4 | bytes[1] >> 4
        maximumSegmentSize = segment.maximumSegmentSize
    }

    var tuple: FourTuple { identity.tuple }
}

/// What a SYN and its retransmissions have in common, and no other.
struct SYNIdentity: Hashable, Sendable {
    let tuple: FourTuple
    let sequence: SequenceNumber
}
