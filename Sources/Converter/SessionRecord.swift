import HandOver
import LinuxSystem
import Wire

/// A session as it is handed over: everything but its sockets, which come beside it, the client's first. The worker's pipe is
/// empty between two moves (`SplicePipe`), so that nothing of a session is in it.
///
/// What the kernel tells of a socket as soon as it is watched, whether it can be read and written, is left out.
struct SessionRecord: Hashable {
    enum Phase: UInt8 {
        /// Being dialled, for nobody any more.
        case dialling
        case awaitingClient
        case awaitingServer
        case relaying
        case resettingClient
        case resettingServer
        case closing
    }

    /// What is known of a side that has a socket.
    struct Side: Hashable {
        var isBroken = false
        var isDeaf = false
        var receiveLimit: UInt64?
        var keepalive: KeepalivePace?
    }

    struct Direction: Hashable {
        enum State: UInt8 {
            case open
            case ended
            case finished
            case failed
        }

        var state = State.open
        var chunk: UInt32 = UInt32(HalfDuplex.firstChunk)
        var relayed: UInt64 = 0
        /// Read, and not yet written.
        var pending: [UInt8] = []
    }

    /// What is kept for the session log.
    struct Notes: Hashable {
        /// 0: it has not been established.
        var number: UInt64 = 0
        /// In nanoseconds since 1970.
        var established: Int64 = 0
        var upstream: Endpoint?
        var token: UInt32?
        var subflows: [Subflow] = []
        var ending: SessionReport.End?

        /// What the kernel said of it before it was closed.
        struct Subflow: Hashable {
            var id: UInt32
            var local: Endpoint
            var remote: Endpoint
            var state: UInt8
            var roundTripTime: UInt32
            var bytesReceived: UInt64
            var bytesAcknowledged: UInt64
            var bytesRetransmitted: UInt64
            var unansweredProbes: UInt8
        }
    }

    var tuple: FourTuple
    var phase: Phase
    /// Of the steady clock, in nanoseconds.
    var created: UInt64
    var lastMoved: UInt64
    /// The index of an interface.
    var inDevice: UInt32 = 0
    var hasClient = false
    /// nil: there is no socket.
    var client: Side?
    var server: Side?
    var toServer = Direction()
    var toClient = Direction()
    var isServerPaced = false
    var isDeafToClient = false
    var dscpToClient = DSCP.standard
    var notes = Notes()

    var descriptors: Int { (client == nil ? 0 : 1) + (server == nil ? 0 : 1) }

    func write(to writer: inout RecordWriter) {
        writer.write(tuple)
        writer.write(phase.rawValue)
        writer.write(created)
        writer.write(lastMoved)
        writer.write(inDevice)
        writer.write(hasClient)
        writer.write(client) { $1.write(to: &$0) }
        writer.write(server) { $1.write(to: &$0) }
        toServer.write(to: &writer)
        toClient.write(to: &writer)
        writer.write(isServerPaced)
        writer.write(isDeafToClient)
        writer.write(dscpToClient.trafficClass)
        notes.write(to: &writer)
    }

    init(tuple: FourTuple, phase: Phase, created: UInt64, lastMoved: UInt64) {
        self.tuple = tuple
        self.phase = phase
        self.created = created
        self.lastMoved = lastMoved
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        tuple = try reader.tuple()
        guard let phase = Phase(rawValue: try reader.number()) else { throw .value("phase of a session") }
        self.phase = phase
        created = try reader.number()
        lastMoved = try reader.number()
        inDevice = try reader.number()
        hasClient = try reader.flag()
        client = try reader.optional { (reader) throws(RecordError) in try Side(from: &reader) }
        server = try reader.optional { (reader) throws(RecordError) in try Side(from: &reader) }
        toServer = try Direction(from: &reader)
        toClient = try Direction(from: &reader)
        isServerPaced = try reader.flag()
        isDeafToClient = try reader.flag()
        dscpToClient = DSCP(trafficClass: try reader.number())
        notes = try Notes(from: &reader)
        guard hasSockets else { throw .value("session without a socket") }
    }

    /// Those that its phase can't be without.
    private var hasSockets: Bool {
        switch phase {
        case .dialling, .awaitingClient, .resettingServer: server != nil
        case .awaitingServer, .relaying: client != nil && server != nil
        case .resettingClient: client != nil
        case .closing: client != nil || server != nil
        }
    }
}

extension SessionRecord.Notes {
    fileprivate func write(to writer: inout RecordWriter) {
        writer.write(number)
        guard number != 0 else { return }
        writer.write(established)
        writer.write(upstream) { $0.write($1) }
        writer.write(token) { $0.write($1) }
        writer.write(all: subflows) { $1.write(to: &$0) }
        writer.write(ending) { $0.write($1.rawValue) }
    }

    fileprivate init(from reader: inout RecordReader) throws(RecordError) {
        number = try reader.number()
        guard number != 0 else { return }
        established = try reader.number()
        upstream = try reader.optional { (reader) throws(RecordError) in try reader.endpoint() }
        token = try reader.optional { (reader) throws(RecordError) in try reader.number() }
        subflows = try reader.all { (reader) throws(RecordError) in try Subflow(from: &reader) }
        ending = try reader.optional { (reader) throws(RecordError) in
            guard let end = SessionReport.End(rawValue: try reader.number()) else { throw .value("end of a session") }
            return end
        }
    }
}

extension SessionRecord.Notes.Subflow {
    fileprivate func write(to writer: inout RecordWriter) {
        writer.write(id)
        writer.write(local)
        writer.write(remote)
        writer.write(state)
        writer.write(roundTripTime)
        for bytes in [bytesReceived, bytesAcknowledged, bytesRetransmitted] { writer.write(bytes) }
        writer.write(unansweredProbes)
    }

    fileprivate init(from reader: inout RecordReader) throws(RecordError) {
        id = try reader.number()
        local = try reader.endpoint()
        remote = try reader.endpoint()
        state = try reader.number()
        roundTripTime = try reader.number()
        bytesReceived = try reader.number()
        bytesAcknowledged = try reader.number()
        bytesRetransmitted = try reader.number()
        unansweredProbes = try reader.number()
    }
}

extension SessionRecord.Side {
    fileprivate func write(to writer: inout RecordWriter) {
        writer.write(isBroken)
        writer.write(isDeaf)
        writer.write(receiveLimit) { $0.write($1) }
        writer.write(keepalive) { writer, pace in
            for seconds in [pace.idle, pace.interval, pace.count] { writer.write(seconds) }
        }
    }

    fileprivate init(from reader: inout RecordReader) throws(RecordError) {
        isBroken = try reader.flag()
        isDeaf = try reader.flag()
        receiveLimit = try reader.optional { (reader) throws(RecordError) in try reader.number() }
        keepalive = try reader.optional { (reader) throws(RecordError) in
            KeepalivePace(idle: try reader.number(), interval: try reader.number(), count: try reader.number())
        }
    }
}

extension SessionRecord.Direction {
    fileprivate func write(to writer: inout RecordWriter) {
        writer.write(state.rawValue)
        writer.write(chunk)
        writer.write(relayed)
        writer.write(pending)
    }

    fileprivate init(from reader: inout RecordReader) throws(RecordError) {
        guard let state = State(rawValue: try reader.number()) else { throw .value("state of a direction") }
        self.state = state
        chunk = try reader.number()
        relayed = try reader.number()
        pending = try reader.raw()
        guard (HalfDuplex.smallestChunk...HalfDuplex.largestChunk).contains(Int(chunk)),
            pending.count <= HalfDuplex.largestChunk
        else { throw .value("chunk of a session") }
    }
}
