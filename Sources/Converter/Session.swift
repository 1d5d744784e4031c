import LinuxSystem
import Policy
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

    /// One of the two connections, and the bytes on their way from it to the other.
    struct Peer {
        var descriptor: Int32 = -1
        // What the last event or call said; edge-triggered epoll tells of changes only.
        var readable = true
        var writable = true
        /// The stream has ended in order.
        var ended = false
        /// The end has been passed on to the other side.
        var finished = false
        /// A write failed, or the client is known to be gone: what comes from the other side is discarded, and after what
        /// can still be read from here comes a reset.
        var broken = false
        /// A buffer whose bytes in `pendingRange` are read but not yet written to the other side.
        var pending: UnsafeMutableRawBufferPointer?
        var pendingRange = 0..<0
        /// How much to read at a time: grows while the other side takes all, shrinks when it doesn't, so that a slow
        /// receiver holds little memory.
        var chunk = firstChunk
        /// Bytes written to the other side.
        var relayed: UInt64 = 0
        /// What there is to read has waited for nobody but this box.
        var isFresh = false
        /// Fresh reads to be made before one is timed.
        var readsToSample = 0
        /// The receive buffer's limit (see ReceiveMemory); nil: the kernel's.
        var receiveLimit: Int?
        /// The last of the worker's periods in which this side was ahead of the other.
        var lastAhead: UInt32 = 0
    }

    /// In the place of a held SYN's id: nobody waits for the answer any more.
    static let nobody: UInt64 = 0

    /// The first one of a server's.
    static let briefChunk = 4 << 10
    static let smallestChunk = 16 << 10
    static let firstChunk = 64 << 10
    static let largestChunk = 256 << 10

    let tuple: FourTuple
    let created: MonotonicTime
    let slot: Int
    let generation: UInt32
    var phase: Phase
    var client = Peer()
    var server = Peer()
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

    deinit {
        client.pending?.deallocate()
        server.pending?.deallocate()
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
        return client.descriptor >= 0 ? 2 : 1
    }

    /// An event tells that there is something to read. Bytes that are left from before, or from a handshake, may have
    /// waited for the other side.
    func becomesReadable(_ side: Side) {
        // Later news of bytes that wait for the session's turn change nothing.
        if !self[side].readable { self[side].isFresh = phase == .relaying }
        self[side].readable = true
    }

    subscript(side: Side) -> Peer {
        get { side == .client ? client : server }
        _modify { if side == .client { yield &client } else { yield &server } }
    }
}
