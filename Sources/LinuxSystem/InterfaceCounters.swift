import Glibc

/// Whether interfaces work, and what they have carried, asked of the kernel over rtnetlink. One object a thread.
public struct InterfaceCounters: ~Copyable {
    public struct Values: Hashable, Sendable {
        /// Up, with a carrier.
        public var isRunning: Bool
        public var receivedBytes: UInt64
        public var sentBytes: UInt64

        public init(isRunning: Bool, receivedBytes: UInt64, sentBytes: UInt64) {
            self.isRunning = isRunning
            self.receivedBytes = receivedBytes
            self.sentBytes = sentBytes
        }
    }

    private let socket: NetlinkSocket

    /// In the network namespace of the calling thread. Takes no privilege.
    public init() throws(SystemError) { socket = try NetlinkSocket(Self.netlinkRoute) }

    /// nil when there is no such interface, or the kernel doesn't answer.
    public func values(of index: UInt32) -> Values? {
        // struct if_stats_msg: family, padding, index, which groups.
        let number = withUnsafeBytes(of: index, Array.init)
        let statistics = NetlinkMessage(
            type: Self.getStatistics, header: [0, 0, 0, 0] + number + [1, 0, 0, 0])
        // struct ifinfomsg
        let link = NetlinkMessage(
            type: Self.getLink, header: [0, 0, 0, 0] + number + [UInt8](repeating: 0, count: 8))
        guard let counts = try? socket.exchange(statistics), let state = try? socket.exchange(link),
            let values = counts.attribute(Self.link64, in: counts.attributes(afterHeader: 12))
        else { return nil }
        let wide = { (place: Int) in
            UInt64(counts.word(at: values.lowerBound + place)) | UInt64(counts.word(at: values.lowerBound + place + 4))
                << 32
        }
        let wanted = UInt32(IFF_UP | IFF_RUNNING)
        // struct rtnl_link_stats64: packets received and sent, then bytes.
        return Values(
            isRunning: state.word(at: 24) & wanted == wanted, receivedBytes: wide(16), sentBytes: wide(24))
    }

    // linux/netlink.h, linux/rtnetlink.h, linux/if_link.h (IFLA_STATS_LINK_64)
    private static let netlinkRoute: Int32 = 0
    private static let getLink: UInt16 = 18
    private static let getStatistics: UInt16 = 94
    private static let link64: UInt16 = 1
}
