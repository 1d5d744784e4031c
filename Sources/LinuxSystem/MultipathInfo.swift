import CLinux
import Glibc
import Wire

/// What the kernel says of an MPTCP connection (MPTCP_FULL_INFO, include/uapi/linux/mptcp.h; Linux 6.5).
public struct MultipathInfo: Sendable {
    public struct Subflow: Sendable {
        public let id: UInt32
        public let local: Endpoint
        public let remote: Endpoint
        /// The socket's state as in linux/tcp_states.h; 1 is ESTABLISHED.
        public let state: UInt8
        /// Smoothed round-trip time in microseconds.
        public let roundTripTime: UInt32
        public let bytesReceived: UInt64
        /// Bytes sent and acknowledged.
        public let bytesAcknowledged: UInt64
        public let bytesRetransmitted: UInt64
        /// Of this host's keepalive probes.
        public let unansweredProbes: UInt8

        public init(
            id: UInt32, local: Endpoint, remote: Endpoint, state: UInt8, roundTripTime: UInt32, bytesReceived: UInt64,
            bytesAcknowledged: UInt64, bytesRetransmitted: UInt64, unansweredProbes: UInt8
        ) {
            self.id = id
            self.local = local
            self.remote = remote
            self.state = state
            self.roundTripTime = roundTripTime
            self.bytesReceived = bytesReceived
            self.bytesAcknowledged = bytesAcknowledged
            self.bytesRetransmitted = bytesRetransmitted
            self.unansweredProbes = unansweredProbes
        }

        public var isEstablished: Bool { state == 1 }
        public var isClosed: Bool { state == 7 }

        /// The state in the words of ss(8).
        public var stateName: String {
            let names = [
                "unknown", "established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait", "closed",
                "close-wait", "last-ack", "listening", "closing",
            ]
            return Int(state) < names.count ? names[Int(state)] : names[0]
        }
    }

    /// The token by which the peer's MP_JOINs name this connection (RFC 8684 section 3.2).
    public let token: UInt32
    public let subflows: [Subflow]

    fileprivate static func token(_ descriptor: Int32) -> UInt32? {
        var info = sluice_mptcp_info()
        var length = socklen_t(MemoryLayout<sluice_mptcp_info>.size)
        let result = getsockopt(
            descriptor, Int32(SLUICE_SOL_MPTCP), Int32(SLUICE_MPTCP_INFO), &info, &length)
        let isMultipath = result == 0 && info.flags & UInt32(SLUICE_MPTCP_INFO_FLAG_FALLBACK) == 0
        return isMultipath ? info.token : nil
    }

    fileprivate init?(_ descriptor: Int32) {
        let capacity = 16
        var subflows = [sluice_mptcp_subflow_info](repeating: .init(), count: capacity)
        var states = [sluice_tcp_info](repeating: .init(), count: capacity)
        var full = sluice_mptcp_full_info()
        full.size_sfinfo_user = UInt32(MemoryLayout<sluice_mptcp_subflow_info>.stride)
        full.size_tcpinfo_user = UInt32(MemoryLayout<sluice_tcp_info>.stride)
        full.size_arrays_user = UInt32(capacity)
        let result = subflows.withUnsafeMutableBufferPointer { subflows in
            states.withUnsafeMutableBufferPointer { states in
                full.subflow_info = UInt64(UInt(bitPattern: subflows.baseAddress))
                full.tcp_info = UInt64(UInt(bitPattern: states.baseAddress))
                var length = socklen_t(MemoryLayout<sluice_mptcp_full_info>.size)
                return getsockopt(
                    descriptor, Int32(SLUICE_SOL_MPTCP), Int32(SLUICE_MPTCP_FULL_INFO), &full, &length)
            }
        }
        guard result == 0, full.mptcp_info.flags & UInt32(SLUICE_MPTCP_INFO_FLAG_FALLBACK) == 0 else { return nil }
        token = full.mptcp_info.token
        self.subflows = (0..<min(capacity, Int(full.num_subflows))).compactMap { index in
            Subflow(subflows[index], states[index])
        }
    }
}

extension StreamSocket {
    /// What the kernel says of the MPTCP connection; nil for one that is not (or no longer) MPTCP.
    public var multipathInfo: MultipathInfo? { MultipathInfo(rawValue) }

    /// The token by which the peer's MP_JOINs name the connection; nil when it doesn't speak MPTCP.
    public var multipathToken: UInt32? { MultipathInfo.token(rawValue) }
}

extension MultipathInfo.Subflow {
    fileprivate init?(_ subflow: sluice_mptcp_subflow_info, _ state: sluice_tcp_info) {
        guard let local = Endpoint(subflow.local), let remote = Endpoint(subflow.remote) else { return nil }
        self.init(
            id: subflow.id, local: local, remote: remote, state: state.state, roundTripTime: state.rtt,
            bytesReceived: state.bytes_received,
            bytesAcknowledged: state.bytes_acked, bytesRetransmitted: state.bytes_retrans,
            unansweredProbes: state.probes)
    }
}
