import Glibc

/// The server's side of one conversation.
enum PeerSession {
    /// What the server answers to an upload.
    static let accepted: UInt8 = 1
    static let rejected: UInt8 = 0

    static func serve(_ connection: borrowing PeerSocket) throws(PeerError) {
        try withReceiveBuffer { (buffer) throws(PeerError) in
            let request = try receiveRequest(connection, buffer)
            let payload = Payload(seed: request.seed)
            switch request.operation {
            case .download: try sendAll(connection, payload, request, buffer)
            case .upload: try receiveUpload(connection, payload, request, buffer)
            case .echo: try echo(connection, buffer)
            case .serverAborts:
                connection.resetOnClose()
                try connection.send(payload, to: request.length)
            case .serverEndsFirst:
                try connection.send(payload, to: request.length)
                connection.endStream()
                try connection.receive(payload, to: request.length, with: buffer)
                try connection.receiveEnd(with: buffer)
            case .clientEndsFirst:
                try connection.receiveEnd(with: buffer)
                try connection.send(payload, to: request.length)
            case .silence:
                connection.pause(.seconds(Int(request.pause)))
                try sendAll(connection, payload, request, buffer)
            }
        }
    }

    private static func receiveRequest(
        _ connection: borrowing PeerSocket, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(PeerError) -> PeerRequest {
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<PeerRequest.size])
        var filled = 0
        while filled < room.count {
            let count = try connection.receive(UnsafeMutableRawBufferPointer(rebasing: room[filled...]))
            if count == 0 { throw .noRequest }
            filled += count
        }
        guard let request = PeerRequest(UnsafeRawBufferPointer(room)) else { throw .noRequest }
        return request
    }

    private static func sendAll(
        _ connection: borrowing PeerSocket, _ payload: Payload, _ request: PeerRequest,
        _ buffer: UnsafeMutableRawBufferPointer
    ) throws(PeerError) {
        try connection.send(payload, to: request.length)
        connection.endStream()
        try connection.receiveEnd(with: buffer)
    }

    private static func receiveUpload(
        _ connection: borrowing PeerSocket, _ payload: Payload, _ request: PeerRequest,
        _ buffer: UnsafeMutableRawBufferPointer
    ) throws(PeerError) {
        do {
            try connection.receive(payload, to: request.length, with: buffer)
            try connection.receiveEnd(with: buffer)
        } catch {
            // What was wrong with the upload counts, also when the client doesn't hear of it any more.
            if case .system = error {} else { try? connection.send([rejected]) }
            throw error
        }
        try connection.send([accepted])
    }

    private static func echo(
        _ connection: borrowing PeerSocket, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(PeerError) {
        while case let count = try connection.receive(buffer), count > 0 {
            try connection.send(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
