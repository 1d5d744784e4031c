import LinuxSystem
import Wire

/// What is told of a session when it is established, and when it has ended.
public struct SessionReport: Sendable {
    /// Why a session ends.
    ///
    /// Handed over by their numbers.
    public enum End: UInt8, Sendable {
        /// Both sides have ended their streams.
        case closed = 1
        /// Of the side that has failed first, as far as that is known.
        case clientReset = 2
        case serverReset = 3
        case idle = 4
        case order = 5
        /// Bytes were lost inside this machine.
        case fault = 6
        /// Its packets don't come here any more.
        case rulesGone = 7
        case stop = 8
    }

    /// Of this session; no two have the same, also of daemons that ran before.
    public let number: UInt64
    public let tuple: FourTuple
    /// This box's end of the connection to the server.
    public let upstream: Endpoint?
    /// nil where the client has fallen back to TCP.
    public let token: Token?
    /// The index of the interface that the client's SYN came in by; 0: not known.
    public let interface: UInt32
    /// When it was established, in nanoseconds since 1970.
    public let established: Int64
    /// nil: it has just been established.
    public let end: End?
    public let bytesToClient: UInt64
    public let bytesToServer: UInt64
    /// The client's, as far as the kernel still had them at the end; one may be there twice, with more bytes the second time.
    public let subflows: [MultipathInfo.Subflow]
}

/// Who is told of sessions. Called on a worker's thread, which must not be kept.
public struct SessionObserver: Sendable {
    /// Does anybody want to know? What is told costs some calls of the kernel.
    let isWatching: @Sendable () -> Bool
    let tell: @Sendable (SessionReport) -> Void

    public init(isWatching: @escaping @Sendable () -> Bool, tell: @escaping @Sendable (SessionReport) -> Void) {
        self.isWatching = isWatching
        self.tell = tell
    }

    public static let nobody = SessionObserver(isWatching: { false }, tell: { _ in })
}

/// What is kept of a session for its reports.
struct SessionNotes {
    /// 0: it has not been established.
    var number: UInt64 = 0
    var established: Int64 = 0
    var upstream: Endpoint?
    /// As far as somebody wanted to know.
    var token: Token?
    var subflows: [MultipathInfo.Subflow] = []
    /// Why it ends, once that is known.
    var ending: SessionReport.End?
}

extension SessionNotes {
    init(_ record: SessionRecord.Notes) {
        number = record.number
        established = record.established
        upstream = record.upstream
        token = record.token.map { Token($0) }
        subflows = record.subflows.map { .init($0) }
        ending = record.ending
    }

    /// As they are handed over.
    var record: SessionRecord.Notes {
        SessionRecord.Notes(
            number: number, established: established, upstream: upstream, token: token?.rawValue,
            subflows: subflows.map { .init($0) }, ending: ending)
    }
}

extension Worker {
    /// Both sides are there.
    func noteStart(_ session: Session) {
        session.notes.number = shared.nextSessionNumber()
        session.notes.established = WallClock.nanoseconds
        session.notes.upstream = session.server?.socket.localEndpoint
        guard shared.observer.isWatching() else { return }
        session.notes.token = session.token
        shared.observer.tell(SessionReport(session, end: nil))
    }

    /// It is about to end: the kernel forgets a subflow when that is closed, and all that a socket knows with the socket.
    func noteSubflows(_ session: Session) {
        guard session.notes.number != 0, shared.observer.isWatching(), let info = session.client?.socket.multipathInfo
        else { return }
        session.notes.token = session.notes.token ?? Token(info.token)
        session.notes.subflows += info.subflows
    }

    /// Before its sockets are closed. One that was never established is none.
    func noteEnd(_ session: Session) {
        guard session.notes.number != 0, shared.observer.isWatching() else { return }
        noteSubflows(session)
        shared.observer.tell(SessionReport(session, end: session.notes.ending ?? .stop))
    }
}

extension SessionReport {
    fileprivate init(_ session: Session, end: End?) {
        let notes = session.notes
        self.init(
            number: notes.number, tuple: session.tuple, upstream: notes.upstream, token: notes.token,
            interface: session.inDevice, established: notes.established, end: end,
            bytesToClient: session.toClient.relayed, bytesToServer: session.toServer.relayed, subflows: notes.subflows)
    }
}

extension SessionRecord.Notes.Subflow {
    init(_ subflow: MultipathInfo.Subflow) {
        self.init(
            id: subflow.id, local: subflow.local, remote: subflow.remote, state: subflow.state,
            roundTripTime: subflow.roundTripTime, bytesReceived: subflow.bytesReceived,
            bytesAcknowledged: subflow.bytesAcknowledged, bytesRetransmitted: subflow.bytesRetransmitted,
            unansweredProbes: subflow.unansweredProbes)
    }
}

extension MultipathInfo.Subflow {
    init(_ record: SessionRecord.Notes.Subflow) {
        self.init(
            id: record.id, local: record.local, remote: record.remote, state: record.state,
            roundTripTime: record.roundTripTime, bytesReceived: record.bytesReceived,
            bytesAcknowledged: record.bytesAcknowledged, bytesRetransmitted: record.bytesRetransmitted,
            unansweredProbes: record.unansweredProbes)
    }
}
