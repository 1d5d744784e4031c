import LinuxSystem
import Wire

/// A converted connection as it is now, for `sluice connections`.
public struct ConnectionDescription: Sendable {
    public struct Subflow: Sendable {
        public let kernel: MultipathInfo.Subflow
        /// nil when the socket is gone by now.
        public let diagnostics: SubflowDiagnostics?

        /// Either end has asked for it to be used only when no other works (RFC 8684 section 3.3.8).
        public var isBackup: Bool { diagnostics?.isBackup ?? false }
    }

    /// Has the client completed its handshake?
    public let isAccepted: Bool
    /// nil while the client has not been accepted, and when it has fallen back to TCP.
    public let token: Token?
    public let tuple: FourTuple
    /// dialling, awaiting client, awaiting server, established, half-closed, closing or resetting.
    public let state: String
    public let upstream: Endpoint?
    public let bytesToClient: UInt64
    public let bytesToServer: UInt64
    public let ageNanoseconds: UInt64
    public let subflows: [Subflow]
}

extension Worker {
    /// What is described in one go: little, since each session takes some calls of the kernel, and packets wait meanwhile.
    enum Selection: Sendable {
        case tuples(ArraySlice<FourTuple>)
        case all(fromSlot: Int)

        static let mostAtATime = 32
    }

    /// The first of them, and those that are left; nil when all have been described.
    func describe(_ selection: Selection) -> ([ConnectionDescription], Selection?) {
        var some: [Session] = []
        var rest: Selection?
        switch selection {
        case .tuples(let tuples):
            for tuple in tuples.prefix(Selection.mostAtATime) { sessions.forEach(tuple) { some.append($0) } }
            let left = tuples.dropFirst(Selection.mostAtATime)
            if !left.isEmpty { rest = .tuples(left) }
        case .all(let slot):
            let (part, next) = sessions.chunk(from: slot, limit: Selection.mostAtATime)
            some = part
            rest = next.map { .all(fromSlot: $0) }
        }
        guard !some.isEmpty else { return ([], rest) }
        let now = MonotonicTime.now
        let diagnostics = try? SocketDiagnostics()
        return (some.map { describe($0, now, diagnostics) }, rest)
    }

    private func describe(
        _ session: Session, _ now: MonotonicTime, _ diagnostics: borrowing SocketDiagnostics?
    ) -> ConnectionDescription {
        let info = session.client?.socket.multipathInfo
        var subflows: [ConnectionDescription.Subflow] = []
        for subflow in info?.subflows ?? [] {
            let more = diagnostics?.subflow(local: subflow.local, remote: subflow.remote)
            subflows.append(.init(kernel: subflow, diagnostics: more ?? nil))
        }
        return ConnectionDescription(
            isAccepted: session.hasClient, token: info.map { Token($0.token) }, tuple: session.tuple,
            state: session.state,
            upstream: session.server?.socket.localEndpoint,
            bytesToClient: session.toClient.relayed,
            bytesToServer: session.toServer.relayed, ageNanoseconds: now.nanoseconds(since: session.created),
            subflows: subflows)
    }
}

extension Session {
    var state: String {
        switch phase {
        case .dialling: "dialling"
        case .awaitingClient: "awaiting client"
        case .awaitingServer: "awaiting server"
        case .relaying: toServer.isFinished || toClient.isFinished ? "half-closed" : "established"
        case .resetting, .over: "resetting"
        case .closing: "closing"
        }
    }
}
