import CLinux
import Glibc

/// What has come in on the subflows of an MPTCP connection, for whoever asks often: nothing is allocated.
public struct SubflowActivity: Sendable {
    /// How many there are, at most `most`.
    public let subflows: Int
    /// Segments of all of them since each began.
    public let segmentsReceived: UInt32
    /// How long ago the kernel took the last acknowledgement. What it doesn't take - a keepalive probe, whose number is an old
    /// one - doesn't count (net/ipv4/tcp_input.c, tcp_validate_incoming comes before tcp_ack).
    public let sinceAcknowledgement: Duration

    private static let most = 8

    /// nil for a connection that is not, or no longer, MPTCP.
    public init?(_ socket: borrowing StreamSocket) {
        guard let activity = Self.ask(socket.rawValue) else { return nil }
        self = activity
    }

    private init(subflows: Int, segmentsReceived: UInt32, sinceAcknowledgement: Duration) {
        self.subflows = subflows
        self.segmentsReceived = segmentsReceived
        self.sinceAcknowledgement = sinceAcknowledgement
    }

    private static func ask(_ descriptor: Int32) -> Self? {
        withUnsafeTemporaryAllocation(of: sluice_tcp_info.self, capacity: most) { states in
            states.initialize(repeating: sluice_tcp_info())
            var full = sluice_mptcp_full_info()
            full.size_tcpinfo_user = UInt32(MemoryLayout<sluice_tcp_info>.stride)
            full.size_arrays_user = UInt32(most)
            full.tcp_info = UInt64(UInt(bitPattern: states.baseAddress))
            var length = socklen_t(MemoryLayout<sluice_mptcp_full_info>.size)
            guard
                getsockopt(
                    descriptor, Int32(SLUICE_SOL_MPTCP), Int32(SLUICE_MPTCP_FULL_INFO), &full, &length) == 0,
                full.mptcp_info.flags & UInt32(SLUICE_MPTCP_INFO_FLAG_FALLBACK) == 0
            else { return nil }
            let count = min(most, Int(full.num_subflows))
            return Self(
                subflows: count, segmentsReceived: states[..<count].reduce(0) { $0 &+ $1.segs_in },
                sinceAcknowledgement: .milliseconds(states[..<count].reduce(UInt32.max) { min($0, $1.last_ack_recv) }))
        }
    }
}
