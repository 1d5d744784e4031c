import Wire

// What the hosts tell each other beside the data (RFC 8684 sections 3.3.8 to 3.7), and how things end.

extension Tracker {
    mutating func observe(_ announcement: AddAddress, _ id: ConnectionID, _ sender: Host) {
        switch announcement.kind {
        case .echo:
            let addresses = connections[id].hosts[sender.peer].addresses
            guard let index = addresses.firstIndex(where: { $0.id == announcement.addressID }) else { return }
            connections[id].hosts[sender.peer].addresses[index].isEchoed = true
        case .announcement(let hmac):
            let expected = connections[id].keys(of: sender)?
                .addressHMAC(announcement.addressID, announcement.address, port: announcement.port)
            if let expected, expected != hmac { return note(.wrongAddressHMAC, id) }
            announce(announcement, id, sender)
        case .version0 where connections[id].version == 0 || connections[id].isPartial:
            announce(announcement, id, sender)
        // Version 1 has no announcement without an HMAC.
        case .version0: note(.misplacedOption, id)
        }
    }

    private mutating func announce(_ announcement: AddAddress, _ id: ConnectionID, _ sender: Host) {
        let address = Connection.AnnouncedAddress(
            id: announcement.addressID, address: announcement.address, port: announcement.port)
        let known = connections[id].hosts[sender].addresses
        if let index = known.firstIndex(where: { $0.id == address.id }) {
            let isSame = known[index].address == address.address && known[index].port == address.port
            if !isSame { connections[id].hosts[sender].addresses[index] = address }
            return
        }
        guard known.count < Connection.HostState.mostAddresses else { return }
        connections[id].hosts[sender].addresses.append(address)
        events.append(.addressAnnounced(id, address.id, by: sender))
    }

    mutating func observe(_ removed: RemovedAddresses, _ id: ConnectionID, _ sender: Host) {
        for address in removed {
            connections[id].hosts[sender].addresses.removeAll { $0.id == address }
            events.append(.addressRemoved(id, address, by: sender))
            for index in connections[id].subflows.indices
            where connections[id].subflows[index].addressID[sender] == address {
                close(id, index, .addressRemoved(by: sender))
            }
        }
    }

    mutating func observe(_ priority: MPPriority, _ id: ConnectionID, _ index: Int, _ sender: Host) {
        for other in connections[id].subflows.indices {
            let isMeant =
                priority.addressID.map { connections[id].subflows[other].addressID[sender] == $0 } ?? (other == index)
            guard isMeant, connections[id].subflows[other].asksForBackup[sender] != priority.isBackup else { continue }
            connections[id].subflows[other].asksForBackup[sender] = priority.isBackup
            connections[id].revision &+= 1
            events.append(.backupChanged(id, subflow: connections[id].subflows[other].number))
        }
    }

    mutating func observeFastClose(_ id: ConnectionID, _ sender: Host, _ key: MultipathKey) {
        if let expected = connections[id].hosts[sender.peer].key, expected != key { return note(.wrongKey, id) }
        guard !connections[id].state.isOver else { return }
        counters.fastCloses += 1
        connections[id].state = .fastClosed(by: sender)
        connections[id].revision &+= 1
        events.append(.closed(id))
        for index in connections[id].subflows.indices { close(id, index, .fastClosed) }
    }

    mutating func fallBack(_ id: ConnectionID, _ reason: FallbackReason) {
        switch connections[id].state {
        case .opening, .answered, .established: break
        case .fallback, .closed, .fastClosed: return
        }
        connections[id].state = .fallback(reason)
        connections[id].fallback = reason
        connections[id].revision &+= 1
        counters.fallbacks += 1
        events.append(.fellBack(id, reason))
    }

    /// Ends a subflow, and with the last one the connection, unless another subflow may still join it: that of hosts
    /// that have sent no DATA_FIN goes on (section 3.3.3).
    mutating func close(_ id: ConnectionID, _ index: Int, _ end: SubflowEnd) {
        guard !connections[id].subflows[index].state.isClosed else { return }
        connections[id].subflows[index].state = .closed(end)
        connections[id].lastEnd = end
        connections[id].revision &+= 1
        events.append(.subflowClosed(id, subflow: connections[id].subflows[index].number, end))
        guard !connections[id].subflows.contains(where: \.holdsConnection) else { return }
        let hasEnded = Host.allCases.allSatisfy { connections[id].hosts[$0].stream.state != .open }
        switch connections[id].state {
        case .established where !hasEnded: break
        default: finish(id)
        }
    }

    mutating func finish(_ id: ConnectionID) {
        guard !connections[id].state.isOver else { return }
        connections[id].state = .closed
        connections[id].revision &+= 1
        events.append(.closed(id))
    }
}
