extension Decision {
    /// What it means for the client, and what can be done about it.
    public var explanation: String {
        switch self {
        case .passMalformed: "its SYN can't be read (a malformed header or option), so it was forwarded as it is"
        case .passNotMultipath: "its SYN has an MPTCP option, but neither MP_CAPABLE nor MP_JOIN: nothing to convert"
        case .passOldVersion:
            "the client speaks a version of MPTCP other than 1 (RFC 8684); it is forwarded and falls back by itself"
        case .passChecksums:
            """
            the client requires MPTCP's data checksums (net.mptcp.checksum_enabled there): after a wrong one a converted \
            connection might stall
            """
        case .passOtherInterface:
            "it came in by an interface that isn't client-facing; name it in [intercept] interfaces to convert it"
        case .passPolicy: "client, server or port aren't among those of [intercept] clients, servers and ports"
        case .passUnknownToken:
            """
            the token is of no connection that ends here: the join belongs to a connection that goes end to end, or to \
            one that is over
            """
        case .passToPeer:
            "its connection is at another box of the cluster, to which all packets of this subflow go from here"
        case .passDirectorySilent:
            """
            the token is of no connection that ends here, and the cluster's directory has not said in time whose it is: the join \
            was forwarded, and the server refuses it
            """
        case .passServerSpeaksMultipath:
            "the server speaks MPTCP itself, so Sluice stepped aside: the connection goes end to end"
        case .passServerRefused: "the server, or the way to it, refused; the client hears that itself"
        case .passServerSilent:
            """
            the server didn't answer within [advanced] dial_timeout, so the client was left to wait for it itself; for a \
            minute, and twice as long each time, its SYNs to this server aren't held again
            """
        case .passPortOccupied:
            """
            a service of this router listens on that port on all addresses; bind it to its own address, so that Sluice \
            can listen there
            """
        case .passNoRoom:
            """
            there is no room for more connections: raise LimitNOFILE or [advanced] max_connections; or for handshakes of this \
            client, which is connecting to more than 128 ports at once
            """
        case .passTrackingFull:
            """
            the kernel's table of connections is nearly full, and a converted connection takes two places more than a \
            forwarded one; raise net.netfilter.nf_conntrack_max
            """
        case .passUnable:
            "Sluice couldn't dial, listen or re-inject in time; its log says why (journalctl -u sluice)"
        case .passOtherWay:
            """
            the router sends it out by another way than a connection of the box's own to that server, for example by an \
            `ip rule … iif`; use a rule by source address or by mark instead
            """
        case .passStarting: "Sluice was starting: its rules weren't in place yet"
        case .passDraining: "Sluice was stopping: running connections end in order, new ones are forwarded"
        case .passDegraded:
            """
            Sluice has stepped aside, because something that it had put into the kernel was removed and could not be put \
            back: `sluice status` says what
            """
        case .passHelper:
            """
            the router's rules give this port to a helper of connection tracking (-j CT --helper), which has to see the \
            connection itself
            """
        case .passNotTaken:
            """
            its SYN was re-injected and dropped on its way to the listener; let the router's own rules accept what comes \
            in by the TUN device
            """
        case .passNoneCompletes:
            """
            of the clients behind this interface none has completed its handshake with the box lately: rules of the router's \
            own drop what its listeners receive or send, in INPUT or OUTPUT. One is tried again every ten minutes
            """
        case .passZones:
            """
            rules of the router's own put the two directions of connections into different zones of connection tracking \
            (-j CT --zone-orig or --zone-reply): the client's entry and the box's would be in each other's way
            """
        case .passDecidedBefore: "a retransmission of a SYN that had been forwarded: it fares as the first one did"
        case .interceptConverted: "converted: the server answered with plain TCP"
        case .interceptSplit: "converted: the client is answered at once ([intercept] connect is split)"
        case .interceptSplitOverLimit:
            "converted, and answered at once: more SYNs were held than [advanced] max_held or max_held_per_client allow"
        case .interceptJoin: "another subflow of a converted connection"
        case .dropRetransmissionOfHeld: "a retransmission while the first SYN was held; the first one goes on"
        }
    }
}
