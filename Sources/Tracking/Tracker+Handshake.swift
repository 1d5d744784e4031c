import Wire

// How connections and subflows begin: MP_CAPABLE (RFC 8684 section 3.1) and MP_JOIN (section 3.2).

extension Segment {
    /// Hands each MPTCP option to `body`. Returns false when a malformed option ends the list before its end; those
    /// before it have been handed out.
    func forEachMultipathOption(_ body: (MultipathOption) -> Void) -> Bool {
        var options = options
        do {
            while let option = try options.next() {
                guard option.kind == 30, case .multipath(let multipath) = try option.content() else { continue }
                body(multipath)
            }
            return true
        } catch {
            return false
        }
    }

    /// The first MP_CAPABLE or MP_JOIN; nil if there is none, or it is malformed.
    fileprivate var handshakeOption: MultipathOption? {
        var found: MultipathOption?
        _ = forEachMultipathOption { option in
            switch option {
            case .capable, .join: found = found ?? option
            default: break
            }
        }
        return found
    }
}

extension Tracker {
    mutating func observeSYN(_ segment: borrowing Segment, _ origin: Origin) -> Sighting? {
        if let known = knownSYN(segment, origin.time) { return known }
        switch segment.handshakeOption {
        case .capable(let capable): return open(capable, segment, origin)
        case .join(.syn(let isBackup, let addressID, let token, let nonce)):
            guard let owner = owner(of: token, at: segment.destination.address) else {
                counters.joinsOfUnknownToken += 1
                return nil
            }
            return join(owner, isBackup, addressID, nonce, segment, origin)
        default: return nil
        }
    }

    /// A SYN that has been seen before. One that opens a known 4-tuple anew closes what was there.
    private mutating func knownSYN(_ segment: borrowing Segment, _ now: UInt64) -> Sighting? {
        guard let (id, index) = locate(segment) else { return nil }
        let subflow = connections[id].subflows[index]
        let sender = subflow.host(at: segment.source)
        if sender == subflow.initiator, subflow.streams[sender].initial == segment.sequence {
            return Sighting(connection: id, subflow: subflow.number, sender: sender, retransmitted: 0)
        }
        close(id, index, .reused)
        flows[FlowKey(segment)] = nil
        settle(id, now)
        return nil
    }

    private mutating func open(
        _ capable: MPCapable, _ segment: borrowing Segment, _ origin: Origin
    ) -> Sighting? {
        let tuple = FourTuple(client: segment.source, server: segment.destination)
        let id = insert(
            Connection(
                openedAt: origin.time, lastSeen: origin.time, isForwarded: origin.isForwarded, isPartial: false,
                version: capable.version, state: .opening, tuple: tuple))
        connections[id].dscp = segment.dscp
        counters.opened += 1
        events.append(.opened(id))
        let endpoints = PerHost(client: tuple.client, server: tuple.server)
        guard let number = addSubflow(to: id, endpoints, initiator: .client, origin) else { return nil }
        connections[id].subflows[0].streams.client.open(segment.sequence)
        // TCP Fast Open (RFC 8684 appendix B): data without a mapping, which the key's first number stands for.
        _ = connections[id].subflows[0].streams.client.send(
            segment.sequence.advanced(by: 1), length: segment.payloadLength, isFIN: false)
        connections[id].bytes = UInt64(segment.payloadLength)
        // A SYN of version 1 has none (section 3.1).
        if capable.version == 0, let key = capable.senderKey { learn(key, of: .client, id) }
        return Sighting(connection: id, subflow: number, sender: .client, retransmitted: 0)
    }

    private mutating func join(
        _ owner: TokenOwner, _ isBackup: Bool, _ addressID: AddressID, _ nonce: UInt32,
        _ segment: borrowing Segment, _ origin: Origin
    ) -> Sighting? {
        let id = owner.connection
        let initiator = owner.host.peer
        var endpoints = PerHost(client: segment.source, server: segment.destination)
        if initiator == .server { endpoints = PerHost(client: segment.destination, server: segment.source) }
        // Who makes up connections makes up joins to them, too: one at a time must do until both ends have been heard.
        guard connections[id].isProven || connections[id].isPartial || connections[id].subflows.count < 2 else {
            note(.tooManySubflows, id)
            return nil
        }
        guard let number = addSubflow(to: id, endpoints, initiator: initiator, origin) else { return nil }
        counters.joins += 1
        let index = connections[id].subflows.count - 1
        connections[id].subflows[index].streams[initiator].open(segment.sequence)
        connections[id].subflows[index].nonces[initiator] = nonce
        connections[id].subflows[index].addressID[initiator] = addressID
        connections[id].subflows[index].asksForBackup[initiator] = isBackup
        return Sighting(connection: id, subflow: number, sender: initiator, retransmitted: 0)
    }

    mutating func observeSYNACK(_ segment: borrowing Segment) -> Sighting? {
        guard let (id, index) = locate(segment) else { return nil }
        let subflow = connections[id].subflows[index]
        let sender = subflow.host(at: segment.source)
        let sighting = Sighting(connection: id, subflow: subflow.number, sender: sender, retransmitted: 0)
        guard sender == subflow.initiator.peer, subflow.state == .synSent else { return sighting }
        connections[id].subflows[index].streams[sender].open(segment.sequence)
        connections[id].subflows[index].state = .synReceived
        switch (subflow.isInitial, segment.handshakeOption) {
        case (true, .capable(let capable)): answer(id, capable)
        case (true, _): fallBack(id, .noOptionInSYNACK)
        case (false, .join(.synAck(let isBackup, let addressID, let hmac, let nonce))):
            connections[id].subflows[index].addressID[sender] = addressID
            connections[id].subflows[index].asksForBackup[sender] = isBackup
            connections[id].subflows[index].nonces[sender] = nonce
            checkAnswer(id, index, hmac)
        case (false, _):
            note(.joinRefused, id)
            close(id, index, .joinRefused)
        }
        return sighting
    }

    private mutating func answer(_ id: ConnectionID, _ capable: MPCapable) {
        // The server may answer with a lower version than it was asked for (section 3.1); a higher one nobody speaks.
        guard case .key(let key) = capable.form, capable.version <= connections[id].version else {
            return fallBack(id, .noOptionInSYNACK)
        }
        connections[id].version = capable.version
        if connections[id].state == .opening { connections[id].state = .answered }
        learn(key, of: .server, id)
    }

    private mutating func checkAnswer(_ id: ConnectionID, _ index: Int, _ hmac: TruncatedHMAC) {
        let subflow = connections[id].subflows[index]
        let responder = subflow.initiator.peer
        guard let keys = connections[id].keys(of: responder), let own = subflow.nonces[responder],
            let peer = subflow.nonces[subflow.initiator]
        else { return }
        if keys.truncatedJoinHMAC(ownNonce: own, peerNonce: peer) != hmac { note(.wrongJoinHMAC, id) }
    }

    /// MP_CAPABLE behind the SYN-ACK: the client's third ACK or first data.
    mutating func establish(_ id: ConnectionID, _ index: Int, _ sender: Host, _ capable: MPCapable) {
        let subflow = connections[id].subflows[index]
        guard subflow.isInitial, sender == .client, let key = capable.senderKey, let peerKey = capable.receiverKey
        else { return note(.misplacedOption, id) }
        learn(key, of: .client, id)
        learn(peerKey, of: .server, id)
        establish(id)
        // Not for the data of a retransmission: the first mapping of the client's begins behind its initial number.
        if case .data(_, _, let length, _) = capable.form,
            let initial = connections[id].hosts.client.key?.initialDataSequence(version: connections[id].version)
        {
            connections[id].hosts.client.stream.map(.long(initial.advanced(by: 1)), length: Int(length), isFIN: false)
        }
    }

    mutating func establish(_ id: ConnectionID) {
        guard connections[id].state.isEmbryonic else { return }
        connections[id].state = .established
        connections[id].revision &+= 1
        counters.established += 1
        events.append(.established(id))
    }

    /// The third ACK of a join: the subflow counts when its HMAC is right (section 3.2).
    mutating func completeJoin(_ id: ConnectionID, _ index: Int, _ sender: Host, _ hmac: MultipathHMAC) {
        let subflow = connections[id].subflows[index]
        guard !subflow.isInitial, sender == subflow.initiator else { return note(.misplacedOption, id) }
        if let keys = connections[id].keys(of: sender), let own = subflow.nonces[sender],
            let peer = subflow.nonces[sender.peer], keys.joinHMAC(ownNonce: own, peerNonce: peer) != hmac
        {
            connections[id].subflows[index].hasWrongHMAC = true
            return note(.wrongJoinHMAC, id)
        }
        connections[id].subflows[index].hasWrongHMAC = false
        establishSubflow(id, index)
    }

    mutating func establishSubflow(_ id: ConnectionID, _ index: Int) {
        switch connections[id].subflows[index].state {
        case .synSent, .synReceived: break
        case .established, .halfClosed, .closed: return
        }
        connections[id].subflows[index].state = .established
        connections[id].subflows[index].hasJoined = true
        connections[id].revision &+= 1
        events.append(.subflowEstablished(id, subflow: connections[id].subflows[index].number))
    }
}
