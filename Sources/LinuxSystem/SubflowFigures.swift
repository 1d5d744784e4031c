/// What the kernel measures of one subflow's socket (struct tcp_info of include/uapi/linux/tcp.h).
public struct SubflowFigures: Hashable, Sendable {
    /// Smoothed round-trip time in microseconds; 0 while none has been measured.
    public let roundTripTime: UInt32
    /// The shortest one, in microseconds; 0 while none has been measured.
    public let shortestRoundTripTime: UInt32
    /// Segments that wait for an acknowledgement.
    public let unacknowledged: UInt32
    /// Milliseconds since the last acknowledgement came.
    public let sinceAcknowledgement: UInt32
    /// How often in a row the retransmission timer has expired.
    public let backoff: UInt8
    /// Bytes of payload sent, those sent again included.
    public let bytesSent: UInt64
    /// Of these, the ones sent again.
    public let bytesRetransmitted: UInt64
    /// Bytes of payload sent and acknowledged.
    public let bytesAcknowledged: UInt64
    /// Bytes of payload received in order.
    public let bytesReceived: UInt64

    /// - Parameter information: where the struct lies in the reply.
    init?(_ reply: NetlinkReply, _ information: Range<Int>) {
        // bytes_retrans ends the part that is read; Linux has it since 4.19.
        guard information.count >= 216 else { return nil }
        let start = information.lowerBound
        let wide = { (offset: Int) in
            UInt64(reply.word(at: start + offset)) | UInt64(reply.word(at: start + offset + 4)) << 32
        }
        backoff = reply.byte(at: start + 4)
        unacknowledged = reply.word(at: start + 24)
        sinceAcknowledgement = reply.word(at: start + 56)
        roundTripTime = reply.word(at: start + 68)
        bytesAcknowledged = wide(120)
        bytesReceived = wide(128)
        // tcpi_min_rtt is all ones until there is one.
        let shortest = reply.word(at: start + 148)
        shortestRoundTripTime = shortest == .max ? 0 : shortest
        bytesSent = wide(200)
        bytesRetransmitted = wide(208)
    }
}
