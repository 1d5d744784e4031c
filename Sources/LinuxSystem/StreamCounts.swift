import CLinux
import Glibc

/// How far the two streams of a connection have come, as the kernel counts them. It counts an end of a stream as a byte here and
/// there: what `received` and `unread` have of it is taken off; `given` has it.
public struct StreamCounts: Hashable, Sendable {
    /// Bytes that have come, and those of them that nobody has read.
    public var received: UInt64
    public var unread: UInt64
    /// Bytes that have been written, acknowledged or not; one more once the end of the stream has been.
    public var given: UInt64
    /// The peer has ended its stream.
    public var hasEnded: Bool
    /// Both streams have ended, or the connection is gone.
    public var isClosed: Bool
    /// It was reset.
    public var hasFailed: Bool

    public init(
        received: UInt64, unread: UInt64, given: UInt64, hasEnded: Bool = false, isClosed: Bool = false,
        hasFailed: Bool = false
    ) {
        self.received = received
        self.unread = unread
        self.given = given
        self.hasEnded = hasEnded
        self.isClosed = isClosed
        self.hasFailed = hasFailed
    }

    /// What has been read.
    public var taken: UInt64 { received &- unread }
}

extension StreamSocket {
    /// How far a connection's streams have come, that nobody reads or writes meanwhile. nil where the kernel doesn't tell: of an
    /// MPTCP connection that has fallen back, or before Linux 6.5.
    ///
    /// - Parameter isOpener: It is this end that has opened the connection: the SYN counts as acknowledged, then.
    public func streamCounts(isOpener: Bool) -> StreamCounts? {
        // They are several calls, and more may come in between: until the first answer is the same again.
        for _ in 0..<100 {
            let unread = sluice_inq(rawValue)
            guard unread >= 0, let counts = counts(isOpener: isOpener, unread: unread) else { return nil }
            if sluice_inq(rawValue) == unread, self.counts(isOpener: isOpener, unread: unread) == counts {
                return counts
            }
        }
        return nil
    }

    private func counts(isOpener: Bool, unread: Int32) -> StreamCounts? {
        var wait = pollfd(fd: rawValue, events: Int16(POLLIN) | Self.peerHasEnded, revents: 0)
        guard poll(&wait, 1, 0) >= 0 else { return nil }
        let hasEnded = wait.revents & Self.peerHasEnded != 0
        var counts = StreamCounts(
            received: 0, unread: UInt64(unread), given: 0, hasEnded: hasEnded,
            isClosed: wait.revents & Int16(POLLHUP) != 0, hasFailed: wait.revents & Int16(POLLERR) != 0)
        var info = sluice_mptcp_info()
        var length = socklen_t(MemoryLayout<sluice_mptcp_info>.size)
        if getsockopt(rawValue, Int32(SLUICE_SOL_MPTCP), Int32(SLUICE_MPTCP_INFO), &info, &length) == 0 {
            // A connection that has fallen back is acknowledged by other rules (net/mptcp/protocol.c, __mptcp_clean_una); older kernels
            // don't count.
            guard info.flags & UInt32(SLUICE_MPTCP_INFO_FLAG_FALLBACK) == 0,
                Int(length) >= MemoryLayout.offset(of: \sluice_mptcp_info.subflows_total)!
            else { return nil }
            counts.received = info.bytes_received
            // net/mptcp/protocol.c, mptcp_inq_hint: with the end of the stream, which isn't among those received.
            if hasEnded, unread > 0 { counts.unread -= 1 }
            counts.given = info.bytes_acked &+ info.write_seq &- info.snd_una
            return counts
        }
        guard let (tcp, outstanding) = outstanding else { return nil }
        // net/ipv4/tcp_input.c, tcp_rcv_nxt_update and tcp_snd_una_update: FIN counts, and of SYNs the own one.
        counts.received = tcp.bytes_received &- (hasEnded ? 1 : 0)
        counts.given = tcp.bytes_acked &+ UInt64(outstanding) &- (isOpener ? 1 : 0)
        return counts
    }

    /// What has been acknowledged and what hasn't, at the same moment: nothing is written, so that what is the same before and
    /// behind was so all the time.
    private var outstanding: (sluice_tcp_info, Int32)? {
        var info = sluice_tcp_info()
        var length = socklen_t(MemoryLayout<sluice_tcp_info>.size)
        for _ in 0..<100 {
            let before = sluice_outq(rawValue)
            guard before >= 0, getsockopt(rawValue, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else {
                return nil
            }
            if sluice_outq(rawValue) == before { return (info, before) }
        }
        return nil
    }

    /// Bytes that wait in a socket or a pipe that is somebody else's.
    public static func unread(in descriptor: Int32) -> Int { max(0, Int(sluice_inq(descriptor))) }

    /// POLLRDHUP, for which glibc wants _GNU_SOURCE.
    private static let peerHasEnded: Int16 = 0x2000
}
