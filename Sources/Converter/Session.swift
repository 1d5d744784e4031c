import Handshake
import LinuxSystem
import Wire

/// One converted connection: the client's MPTCP connection, ended at the box, and the TCP connection that continues it
/// to the server. Belongs to one worker, on whose thread alone it is touched.
///
///     faithful   dialling ──▶ awaitingClient ──▶ relaying ──▶ (resetting) ──▶ gone
///     split                   awaitingServer ──▶ relaying
final class Session {
    enum Phase: Equatable {
        /// The client's SYN is held; its id.
        case dialling(UInt64)
        /// The server has answered; the client's handshake is under way.
        case awaitingClient
        /// The client has completed its handshake; the server is being dialled.
        case awaitingServer
        case relaying
        /// One side was reset; this other side still gets what it was sent before, then its reset.
        case resetting(Side)
        /// Both sides have ended in order, and not all has been acknowledged: the kernel gives up an MPTCP connection
        /// without an owner after a minute (net.mptcp.close_timeout), whatever is still on its way.
        case closing
        /// Closed and forgotten; whoever still holds it, e.g. the list of ready ones, passes over it.
        case over
    }

    enum Side: Int {
        case client
        case server

        var other: Side { self == .client ? .server : .client }
    }

    /// In the place of a held SYN's id: nobody waits for the answer any more.
    static let nobody: UInt64 = 0

    let tuple: FourTuple
    private(set) var created: MonotonicTime
    let slot: Int
    let generation: UInt32
    var phase: Phase
    /// nil until it has been accepted. Before that, the second of two sockets that connect to the server.
    var client: Peer?
    /// nil until it has been dialled.
    var server: Peer?
    var toServer = HalfDuplex()
    var toClient = HalfDuplex(splices: true)
    var lastMoved: MonotonicTime
    /// Of both sockets together, while it is closing.
    var lastUnacknowledged = 0
    /// What it is dialled for, until its server has answered.
    var request: DialRequest?
    /// The index of the interface by which its client's SYN came; 0 where that isn't known.
    var inDevice: UInt32 = 0
    /// The server, or something before it, has refused a SYN that asked for MPTCP.
    var questionRefused = false
    /// Its client has been accepted.
    var hasClient = false
    /// Waits for its next turn, its budget being spent.
    var isReady = false
    var keepalive = Keepalive()
    var notes = SessionNotes()
    /// What the client's socket sends with, and when to look again at what the server does.
    var dscpToClient = DSCP.standard
    var nextCodePoint = MonotonicTime(nanoseconds: 0)

    init(_ tuple: FourTuple, phase: Phase, slot: Int, generation: UInt32, now: MonotonicTime) {
        self.tuple = tuple
        self.phase = phase
        self.slot = slot
        self.generation = generation
        created = now
        lastMoved = now
    }

    /// As it goes on from a record, with its sockets.
    func take(
        _ record: SessionRecord, client: consuming StreamSocket?, server: consuming StreamSocket?,
        _ buffers: inout PendingBuffers
    ) {
        created = MonotonicTime(nanoseconds: record.created)
        lastMoved = MonotonicTime(nanoseconds: record.lastMoved)
        inDevice = record.inDevice
        hasClient = record.hasClient
        if let side = record.client, let socket = client.take() { self.client = Peer(socket, side) }
        if let side = record.server, let socket = server.take() { self.server = Peer(socket, side) }
        toServer = HalfDuplex(record.toServer, &buffers)
        toClient = HalfDuplex(splices: true, record.toClient, &buffers)
        keepalive.client = record.client?.keepalive
        keepalive.server = record.server?.keepalive
        keepalive.isServerPaced = record.isServerPaced
        keepalive.isDeafToClient = record.isDeafToClient
        dscpToClient = record.dscpToClient
        notes = SessionNotes(record.notes)
    }

    /// As it is handed over; nil for one whose client's SYN is held, or that is over.
    var record: SessionRecord? {
        let phase: SessionRecord.Phase
        switch self.phase {
        case .dialling(Self.nobody): phase = .dialling
        case .dialling, .over: return nil
        case .awaitingClient: phase = .awaitingClient
        case .awaitingServer: phase = .awaitingServer
        case .relaying: phase = .relaying
        case .resetting(.client): phase = .resettingClient
        case .resetting(.server): phase = .resettingServer
        case .closing: phase = .closing
        }
        var record = SessionRecord(
            tuple: tuple, phase: phase, created: created.nanoseconds, lastMoved: lastMoved.nanoseconds)
        record.inDevice = inDevice
        record.hasClient = hasClient
        record.client = client?.record(keepalive.client)
        record.server = server?.record(keepalive.server)
        record.toServer = toServer.record
        record.toClient = toClient.record
        record.isServerPaced = keepalive.isServerPaced
        record.isDeafToClient = keepalive.isDeafToClient
        record.dscpToClient = dscpToClient
        record.notes = notes.record
        return record
    }

    /// Has the client yet to complete its handshake, the server having been dialled for it?
    var isPending: Bool {
        switch phase {
        case .dialling, .awaitingClient: true
        case .awaitingServer, .relaying, .resetting, .closing, .over: false
        }
    }

    /// Its places in the guard's count: one, and another for the second dial, which is in the client's place until the server
    /// has answered.
    var pendingPlaces: Int {
        guard isPending, phase != .dialling(Self.nobody) else { return 0 }
        return client != nil ? 2 : 1
    }

    /// An event tells that there is something to read. Bytes that are left from before, or from a handshake, may have
    /// waited for the other side.
    func becomesReadable(_ side: Side) {
        // Later news of bytes that wait for the session's turn change nothing.
        switch side {
        case .client where client?.isReadable == false:
            client?.isReadable = true
            toServer.noteArrival(isFresh: phase == .relaying)
        case .server where server?.isReadable == false:
            server?.isReadable = true
            toClient.noteArrival(isFresh: phase == .relaying)
        case .client, .server: break
        }
    }

    func becomesWritable(_ side: Side) {
        switch side {
        case .client: client?.isWritable = true
        case .server: server?.isWritable = true
        }
    }

    /// See `HalfDuplex.isReading`.
    func isReading(from side: Side) -> Bool {
        switch side {
        case .client: toServer.isReading
        case .server: toClient.isReading
        }
    }

    /// See `Peer.noteAhead`.
    func noteAhead(_ side: Side, in period: UInt32) -> Bool {
        switch side {
        case .client: client?.noteAhead(in: period) ?? false
        case .server: server?.noteAhead(in: period) ?? false
        }
    }

    func limitReceiving(_ side: Side, to limit: Int?) {
        switch side {
        case .client: client?.limitReceiving(to: limit)
        case .server: server?.limitReceiving(to: limit)
        }
    }

    /// Not for the relay path: the frame of an accessor that yields is allocated.
    subscript(side: Side) -> Peer? {
        _read { if side == .client { yield client } else { yield server } }
        _modify { if side == .client { yield &client } else { yield &server } }
    }
}
