import Glibc

/// The client's side of one conversation with a `PeerServer`.
enum PeerClient {
    struct Outcome {
        /// How many of the payload's bytes were verified, both directions counted.
        let bytes: UInt64
        /// As of `FetchPlan.countsSubflows`.
        var usedSubflows: Int?
        let connectTime: Duration
    }

    /// Has one conversation as planned.
    static func converse(_ request: PeerRequest, _ plan: FetchPlan) throws(PeerError) -> Outcome {
        let start = ContinuousClock.now
        let connection = try PeerSocket.connected(to: plan.to, plan.transport, from: plan.from, limit: plan.limit)
        let connectTime = ContinuousClock.now - start
        try connection.probe(plan.keepalive)
        let payload = Payload(seed: request.seed)
        return try withReceiveBuffer { (buffer) throws(PeerError) in
            try connection.send(request.encoded)
            if let bytes = plan.abortAfter, bytes < request.length {
                try abort(connection, payload, request, after: bytes, buffer)
                return Outcome(bytes: bytes, connectTime: connectTime)
            }
            var outcome = Outcome(
                bytes: request.operation.verifiedPasses * request.length, connectTime: connectTime)
            try exchange(connection, payload, request, plan, buffer) { connection in
                if plan.countsSubflows { outcome.usedSubflows = connection.usedSubflows }
            }
            return outcome
        }
    }

    private static func abort(
        _ connection: borrowing PeerSocket, _ payload: Payload, _ request: PeerRequest, after bytes: UInt64,
        _ buffer: UnsafeMutableRawBufferPointer
    ) throws(PeerError) {
        connection.resetOnClose()
        if request.operation == .clientEndsFirst { connection.endStream() }
        if request.operation == .upload {
            try connection.send(payload, to: bytes)
        } else {
            try connection.receive(payload, to: bytes, with: buffer)
        }
    }

    private static func exchange(
        _ connection: borrowing PeerSocket, _ payload: Payload, _ request: PeerRequest, _ plan: FetchPlan,
        _ buffer: UnsafeMutableRawBufferPointer, beforeTheEnd look: (borrowing PeerSocket) -> Void
    ) throws(PeerError) {
        switch request.operation {
        case .download, .silence:
            try connection.receive(payload, to: request.length, with: buffer)
            look(connection)
            try connection.receiveEnd(with: buffer)
            connection.pause(plan.hold)
        case .upload:
            try connection.send(payload, to: request.length)
            connection.pause(plan.hold)
            connection.endStream()
            try receiveVerdict(connection, buffer, look)
        case .echo:
            try bounce(connection, payload, request, step: plan.step, buffer)
            connection.pause(plan.hold)
            connection.endStream()
            try connection.receiveEnd(with: buffer)
        case .serverAborts: try receiveUntilReset(connection, payload, request, buffer)
        case .serverEndsFirst:
            try connection.receive(payload, to: request.length, with: buffer)
            try connection.receiveEnd(with: buffer)
            connection.pause(plan.hold)
            try connection.send(payload, to: request.length)
        case .clientEndsFirst:
            connection.endStream()
            connection.pause(plan.hold)
            try connection.receive(payload, to: request.length, with: buffer)
            try connection.receiveEnd(with: buffer)
        }
    }

    private static func receiveVerdict(
        _ connection: borrowing PeerSocket, _ buffer: UnsafeMutableRawBufferPointer,
        _ look: (borrowing PeerSocket) -> Void
    ) throws(PeerError) {
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<1])
        if try connection.receive(room) == 0 { throw .cutShort }
        if room[0] != PeerSession.accepted { throw .rejected }
        look(connection)
        try connection.receiveEnd(with: buffer)
    }

    /// Step by step, so that neither side waits for the other to read.
    private static func bounce(
        _ connection: borrowing PeerSocket, _ payload: Payload, _ request: PeerRequest, step: UInt64,
        _ buffer: UnsafeMutableRawBufferPointer
    ) throws(PeerError) {
        var offset: UInt64 = 0
        while offset < request.length {
            let end = min(offset + step, request.length)
            try connection.send(payload, from: offset, to: end)
            try connection.receive(payload, from: offset, to: end, with: buffer)
            offset = end
        }
    }

    /// Any beginning of the payload, then a reset: what the server had not yet sent, its reset discards.
    private static func receiveUntilReset(
        _ connection: borrowing PeerSocket, _ payload: Payload, _ request: PeerRequest,
        _ buffer: UnsafeMutableRawBufferPointer
    ) throws(PeerError) {
        do {
            try connection.receive(payload, to: request.length, with: buffer)
            try connection.receiveEnd(with: buffer)
        } catch .system(let error) where error.errno == .connectionReset {
            return
        } catch .cutShort {
            throw .notReset
        }
        throw .notReset
    }
}

extension PeerRequest.Operation {
    /// How often a conversation that goes well carries its whole payload. A server that aborts discards some of it.
    fileprivate var verifiedPasses: UInt64 {
        switch self {
        case .serverAborts: 0
        case .echo, .serverEndsFirst: 2
        case .download, .upload, .clientEndsFirst, .silence: 1
        }
    }
}
