import Tracking
import Wire

// What the summaries in JSON and in text say alike of a connection.

extension ConnectionState {
    /// Who has sent the MP_FASTCLOSE.
    var fastCloser: Host? {
        if case .fastClosed(let host) = self { host } else { nil }
    }
}

extension Connection {
    /// Payload of all its subflows, what was sent on two of them counting twice.
    func bytes(from host: Host) -> UInt64 { subflows.reduce(0) { $0 &+ $1.streams[host].bytes } }

    func retransmittedBytes(from host: Host) -> UInt64 {
        subflows.reduce(0) { $0 &+ $1.streams[host].retransmittedBytes }
    }

    /// Nanoseconds from its first to its last segment.
    var duration: Int64 { Int64(clamping: lastSeen > openedAt ? lastSeen - openedAt : 0) }
}
