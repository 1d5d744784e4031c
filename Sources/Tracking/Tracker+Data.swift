import Wire

// What comes behind the handshake: data, their mappings, and the ends of subflows and connections.

extension Tracker {
    /// The subflow that a segment belongs to, as its place in the connection's list.
    func locate(_ segment: borrowing Segment) -> (ConnectionID, Int)? {
        guard let reference = flows[FlowKey(segment)],
            let index = connections[reference.connection].index(ofSubflow: reference.subflow)
        else { return nil }
        return (reference.connection, index)
    }

    mutating func observeLater(_ segment: borrowing Segment, _ origin: Origin) -> Sighting? {
        guard let (id, index) = locate(segment) ?? adopt(segment, origin) else { return nil }
        let number = connections[id].subflows[index].number
        let sender = connections[id].subflows[index].host(at: segment.source)
        if origin.interface != 0, connections[id].subflows[index].interface == 0,
            sender == connections[id].subflows[index].initiator
        {
            connections[id].subflows[index].interface = origin.interface
            events.append(.interfaceLearned(id, subflow: number))
        }
        let seen = observeOptions(segment, id, index, sender)
        let probe = probe(segment, id, index, sender, origin.time)
        var retransmitted = 0
        if segment.flags.contains(.rst) {
            close(id, index, seen.reset.map { .resetWithReason($0, by: sender) } ?? .reset(by: sender))
        } else {
            prove(segment, id, index, sender)
            judgeFallback(segment, id, index, sender, seen)
            advance(id, index, sender)
            retransmitted = observePayload(segment, id, index, sender)
            if segment.flags.contains(.ack) {
                count(connections[id].subflows[index].streams[sender.peer].acknowledge(segment.acknowledgement), id)
            }
        }
        return Sighting(
            connection: id, subflow: number, sender: sender, retransmitted: retransmitted,
            dataNumbers: seen.dataNumbers, probe: probe,
            dscp: newCodePoint(segment, id, sender, origin.time),
            isSilenced: probe != nil && sender == .client && connections[id].isSilenced)
    }

    /// nil when the client still sends with what was told last, or that was told just now. Its host sends resets without. The
    /// SYN says nothing of what it sends with: the router's own rules have had their say about that one.
    private mutating func newCodePoint(
        _ segment: borrowing Segment, _ id: ConnectionID, _ sender: Host, _ now: UInt64
    ) -> DSCP? {
        let before = connections[id].dscp
        guard sender == .client, segment.dscp != before, !segment.flags.contains(.rst),
            now >= connections[id].dscpTold + 1_000_000_000
        else { return nil }
        connections[id].dscp = segment.dscp
        guard before != nil else { return nil }
        connections[id].dscpTold = now
        return segment.dscp
    }

    /// How long its sender had been silent, if the segment is a keepalive probe.
    private mutating func probe(
        _ segment: borrowing Segment, _ id: ConnectionID, _ index: Int, _ sender: Host, _ now: UInt64
    ) -> UInt64? {
        let last = connections[id].subflows[index].streams[sender].lastSeen
        connections[id].subflows[index].streams[sender].lastSeen = now
        guard segment.payloadLength <= 1, segment.flags.isDisjoint(with: [.syn, .fin, .rst]),
            connections[id].subflows[index].streams[sender].isProbe(segment.sequence)
        else { return nil }
        return now > last ? now - last : 0
    }

    /// What a segment's options were, as far as its subflow's state or its sighting depends on it.
    private struct Seen {
        var hasMultipath = false
        var hasMapping = false
        var reset: MPReset?
        var dataNumbers = DataNumbers()
    }

    private mutating func observeOptions(
        _ segment: borrowing Segment, _ id: ConnectionID, _ index: Int, _ sender: Host
    ) -> Seen {
        var seen = Seen()
        let isSound = segment.forEachMultipathOption { option in
            seen.hasMultipath = true
            switch option {
            case .reset(let reset): seen.reset = reset
            case .dataSequenceSignal(let signal) where signal.mapping != nil: seen.hasMapping = true
            case .capable(let capable): if case .data = capable.form { seen.hasMapping = true }
            default: break
            }
            heed(option, id, index, sender)
            if case .dataSequenceSignal(let signal) = option {
                // By a host's name, and not by subscript, which would copy all that is known of the host.
                let client = connections[id].hosts.client.stream
                let server = connections[id].hosts.server.stream
                seen.dataNumbers =
                    sender == .client
                    ? DataNumbers(signal, sender: client, peer: server)
                    : DataNumbers(signal, sender: server, peer: client)
            }
        }
        if seen.hasMapping { connections[id].subflows[index].streams[sender].hasMapped = true }
        if isSound { return seen }
        note(.malformedOption, id)
        // Whatever it was meant to be, it speaks for no fallback.
        return Seen(hasMultipath: true, hasMapping: true, reset: seen.reset, dataNumbers: seen.dataNumbers)
    }

    private mutating func heed(_ option: MultipathOption, _ id: ConnectionID, _ index: Int, _ sender: Host) {
        // Who joins may not speak before the join is complete (section 3.2); its peer doesn't listen.
        let isHeard =
            !connections[id].subflows[index].isUnproven || sender != connections[id].subflows[index].initiator
        switch option {
        case .join(.ack(let hmac)): completeJoin(id, index, sender, hmac)
        case _ where !isHeard: break
        case .capable(let capable): establish(id, index, sender, capable)
        case .join: note(.misplacedOption, id)
        case .dataSequenceSignal(let signal): observe(signal, id, index, sender)
        case .addAddress(let announcement): observe(announcement, id, sender)
        case .removeAddress(let addresses): observe(addresses, id, sender)
        case .priority(let priority): observe(priority, id, index, sender)
        // With another subflow left this one is reset; else the host that gets MP_FAIL answers with an infinite mapping, and
        // only then the connection is plain TCP (RFC 8684 section 3.7).
        case .fail: note(.checksumFailed, id)
        case .fastClose(let key): observeFastClose(id, sender, key)
        case .reset, .unknown: break
        }
    }

    private mutating func observe(
        _ signal: DataSequenceSignal, _ id: ConnectionID, _ index: Int, _ sender: Host
    ) {
        establish(id)
        // The third ACK of a join was not seen: the other host speaks on no subflow that has not proved itself.
        if !connections[id].subflows[index].hasWrongHMAC { establishSubflow(id, index) }
        if let acknowledgement = signal.acknowledgement {
            connections[id].hosts[sender.peer].stream.acknowledge(acknowledgement)
        }
        if let mapping = signal.mapping {
            if mapping.length == 0 {
                let hasFailed = connections[id].anomalies.contains(.checksumFailed)
                return fallBack(id, hasFailed ? .checksumFailed : .infiniteMapping)
            }
            connections[id].hosts[sender].stream.map(
                mapping.sequence, length: Int(mapping.length), isFIN: signal.isDataFIN)
        }
        if Host.allCases.allSatisfy({ connections[id].hosts[$0].stream.state == .finAcknowledged }) { finish(id) }
    }

    /// RFC 8684 section 3.7: a host that gets no option where there has to be one goes on as plain TCP. Only the first
    /// segments tell, and only on the first subflow; any other subflow would be reset.
    private mutating func judgeFallback(
        _ segment: borrowing Segment, _ id: ConnectionID, _ index: Int, _ sender: Host, _ seen: Seen
    ) {
        let stream = connections[id].subflows[index].streams[sender]
        defer { connections[id].subflows[index].streams[sender].hasSpoken = true }
        guard connections[id].subflows[index].isInitial, connections[id].subflows.count == 1, !stream.hasSpoken else {
            return judgeFirstData(segment, id, index, sender, seen)
        }
        if sender == .client, connections[id].state == .answered, !seen.hasMultipath {
            fallBack(id, .noOptionAfterSYNACK)
        } else {
            judgeFirstData(segment, id, index, sender, seen)
        }
    }

    private mutating func judgeFirstData(
        _ segment: borrowing Segment, _ id: ConnectionID, _ index: Int, _ sender: Host, _ seen: Seen
    ) {
        let stream = connections[id].subflows[index].streams[sender]
        guard segment.payloadLength > 0, stream.bytes == 0, let initial = stream.initial,
            segment.sequence == initial.advanced(by: 1), !seen.hasMapping, !stream.hasMapped,
            connections[id].subflows.count == 1
        else { return }
        fallBack(id, .dataWithoutMapping)
    }

    /// Whoever makes up segments hears no answer: neither does the other host speak, nor is the number of its SYN-ACK
    /// known.
    private mutating func prove(_ segment: borrowing Segment, _ id: ConnectionID, _ index: Int, _ sender: Host) {
        guard !connections[id].isProven else { return }
        let subflow = connections[id].subflows[index]
        guard subflow.isInitial else { return }
        let answer = subflow.streams[sender.peer]
        connections[id].isProven =
            sender != subflow.initiator
            || segment.flags.contains(.ack) && answer.isAcknowledged(by: segment.acknowledgement)
    }

    /// The first subflow is complete when its initiator has acknowledged the SYN-ACK; a joined one needs its HMAC too.
    private mutating func advance(_ id: ConnectionID, _ index: Int, _ sender: Host) {
        if connections[id].subflows[index].isInitial, sender == connections[id].subflows[index].initiator {
            establishSubflow(id, index)
        }
    }

    /// Returns how many bytes had been sent before.
    private mutating func observePayload(
        _ segment: borrowing Segment, _ id: ConnectionID, _ index: Int, _ sender: Host
    ) -> Int {
        let isFIN = segment.flags.contains(.fin)
        let length = segment.payloadLength
        guard length > 0 || isFIN else { return 0 }
        let hadFIN = connections[id].subflows[index].streams[sender].hasFIN
        let bytesBefore = connections[id].subflows[index].streams[sender].bytes
        let again = connections[id].subflows[index].streams[sender].send(
            segment.sequence, length: length, isFIN: isFIN)
        count(connections[id].subflows[index].streams[sender].bytes &- bytesBefore, id)
        if again < length { revive(id, index, sender) }
        if isFIN, !hadFIN { observeFIN(id, index, sender) }
        return again
    }

    private mutating func count(_ bytes: UInt64, _ id: ConnectionID) {
        connections[id].bytes &+= bytes
        guard connections[id].bytes >= connections[id].alarm else { return }
        connections[id].alarm = .max
        events.append(.reached(id))
    }

    /// A subflow that carries new data has not been closed, whatever a REMOVE_ADDR has said (RFC 8684 section 3.4.2:
    /// its receiver makes sure first).
    private mutating func revive(_ id: ConnectionID, _ index: Int, _ sender: Host) {
        guard case .closed(.addressRemoved(let remover)) = connections[id].subflows[index].state, remover == sender,
            !connections[id].subflows[index].isUnproven
        else { return }
        let isHalfClosed = connections[id].subflows[index].streams[sender.peer].hasFIN
        connections[id].subflows[index].state = isHalfClosed ? .halfClosed(by: sender.peer) : .established
        connections[id].revision &+= 1
        events.append(.subflowEstablished(id, subflow: connections[id].subflows[index].number))
    }

    private mutating func observeFIN(_ id: ConnectionID, _ index: Int, _ sender: Host) {
        switch connections[id].subflows[index].state {
        case .closed: break
        case .halfClosed(let first): if first != sender { close(id, index, .fin) }
        default:
            connections[id].subflows[index].state = .halfClosed(by: sender)
            connections[id].revision &+= 1
        }
    }

    /// A segment of a connection whose beginning was not seen. Both keys come from the client; else who that is can't be
    /// known, and the lower port is the server's, as it mostly is.
    private mutating func adopt(_ segment: borrowing Segment, _ origin: Origin) -> (ConnectionID, Int)? {
        guard !segment.flags.contains(.rst) else { return nil }
        var isMultipath = false
        var sourceIsServer = segment.source.port < segment.destination.port
        _ = segment.forEachMultipathOption { option in
            switch option {
            case .capable(let capable) where capable.receiverKey != nil:
                isMultipath = true
                sourceIsServer = false
            case .dataSequenceSignal, .addAddress, .removeAddress, .priority: isMultipath = true
            default: break
            }
        }
        guard isMultipath else { return nil }
        let tuple = FourTuple(
            client: sourceIsServer ? segment.destination : segment.source,
            server: sourceIsServer ? segment.source : segment.destination)
        let id = insert(
            Connection(
                openedAt: origin.time, lastSeen: origin.time, isForwarded: origin.isForwarded, isPartial: true,
                version: 1, state: .established, tuple: tuple))
        counters.opened += 1
        events.append(.opened(id))
        let endpoints = PerHost(client: tuple.client, server: tuple.server)
        guard addSubflow(to: id, endpoints, initiator: .client, origin) != nil else { return nil }
        connections[id].subflows[0].state = .established
        connections[id].subflows[0].addressID = PerHost(both: nil)
        // The client's is known with its next segment.
        if sourceIsServer { connections[id].subflows[0].interface = 0 }
        return (id, 0)
    }
}
