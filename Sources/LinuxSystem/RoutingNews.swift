/// Tells whether routing rules or interfaces have changed (rtnetlink(7)).
public final class RoutingNews {
    private let channel: NetlinkChannel

    /// RTNLGRP_LINK, RTNLGRP_IPV4_RULE and RTNLGRP_IPV6_RULE of linux/rtnetlink.h.
    private static let groups: [UInt32] = [1, 8, 19]

    /// In the network namespace of the calling thread.
    public init() throws(SystemError) {
        channel = try NetlinkChannel(0)
        for group in Self.groups { try channel.join(group: group) }
    }

    /// Takes what has been told since the last call, without waiting. Allocates nothing where that is nothing.
    public func haveCome() -> Bool {
        var haveCome = false
        let isComplete = channel.takeNews { _ in haveCome = true }
        return haveCome || !isComplete
    }
}
