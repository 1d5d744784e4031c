import Glibc
import Wire

/// Questions to the kernel's routing (rtnetlink(7), RTM_GETROUTE and RTM_GETRULE).
public struct RouteLookup: ~Copyable {
    /// What routing heeds of a packet.
    public struct Flow: Sendable {
        public var source: Endpoint
        public var destination: Endpoint
        public var mark: UInt32
        /// The IP header's.
        public var typeOfService: UInt8

        public init(from source: Endpoint, to destination: Endpoint, mark: UInt32, typeOfService: UInt8) {
            self.source = source
            self.destination = destination
            self.mark = mark
            self.typeOfService = typeOfService
        }
    }

    /// Where a packet goes next.
    public struct Route: Hashable, Sendable {
        public let interface: UInt32
        /// As the kernel writes it: an address, with its family where that is another one. Empty on the same link.
        public let gateway: [UInt8]
    }

    private let socket: NetlinkSocket
    private let lists: NetlinkChannel

    /// In the network namespace of the calling thread.
    public init() throws(SystemError) {
        let lists = try NetlinkChannel(0)
        let socket = try NetlinkSocket(0)
        self.lists = lists
        self.socket = socket
    }

    /// The interface by which packets to this address leave; nil if there is no route.
    public func interface(to address: IPAddress) -> UInt32? {
        var request = Self.request(for: address)
        request.add(Attribute.destination, Self.networkBytes(address))
        return route(request)?.interface
    }

    /// The route of a packet that comes in by an interface; nil if it wouldn't be forwarded.
    public func route(of flow: Flow, comingInBy interface: UInt32) -> Route? {
        var request = Self.request(for: flow)
        request.add(Attribute.incoming, interface)
        return route(request)
    }

    /// The route of a TCP packet of this machine's own with the same addresses; a source port of 0 isn't known yet.
    /// - Parameter withDSCP: it has the same DSCP as well. For IPv6 the kernel's TCP routes without it
    ///   (net/ipv6/inet6_connection_sock.c, inet6_csk_route_socket).
    public func routeOfOwn(_ flow: Flow, withDSCP: Bool) -> Route? {
        var flow = flow
        // A socket's own ECN bits come behind routing.
        flow.typeOfService = withDSCP && flow.source.address.isIPv4 ? flow.typeOfService & 0xfc : 0
        var request = Self.request(for: flow)
        // The kernel refuses to say where a packet of its own from an address of another machine would go. One that comes
        // in by the loopback interface meets the same rules, those by interface included.
        request.add(Attribute.incoming, NetworkInterface.index("lo") ?? 1)
        return route(request)
    }

    /// A routing rule, as far as it may tell a forwarded packet from one of this machine's own with the same addresses,
    /// mark and type of service.
    public struct Rule: Hashable, Sendable {
        /// Of FRA_PROTOCOL, who made it.
        public var origin: UInt8 = 0
        public var incomingInterface: String?
        /// It asks for an outgoing interface, a VRF, a user, a source port or a type of service.
        public var asksMore = false
        /// It asks for an IPv6 packet's traffic class, which RTM_GETROUTE can't say (net/ipv6/route.c, inet6_rtm_getroute).
        public var asksForTrafficClass = false
    }

    public func rules() throws(SystemError) -> [Rule] {
        var rules: [Rule] = []
        for family in [AF_INET, AF_INET6] {
            // struct fib_rule_hdr
            let header = [UInt8(family)] + [UInt8](repeating: 0, count: 11)
            do {
                _ = try lists.list(NetlinkMessage(type: 34, header: header)) {
                    rules.append(Rule($0))
                }
            } catch  where error.errno == .addressFamilyNotSupported || error.errno == .notSupported {
                // A kernel without IPv6, or without policy routing.
            }
        }
        return rules
    }

    private func route(_ request: NetlinkMessage) -> Route? {
        guard let reply = try? socket.exchange(request) else { return nil }
        let attributes = reply.attributes(afterHeader: 12)
        guard let index = reply.attribute(Attribute.outgoing, in: attributes) else { return nil }
        let gateway =
            reply.attribute(Attribute.gateway, in: attributes) ?? reply.attribute(Attribute.via, in: attributes)
            ?? 0..<0
        return Route(interface: reply.word(at: index.lowerBound), gateway: Array(reply.bytes[gateway]))
    }

    private static func request(for address: IPAddress, typeOfService: UInt8 = 0, isFromSource: Bool = false)
        -> NetlinkMessage
    {
        // struct rtmsg
        var header = [UInt8](repeating: 0, count: 12)
        header[0] = UInt8(address.addressFamily)
        header[1] = UInt8(address.bitWidth)
        header[2] = isFromSource ? UInt8(address.bitWidth) : 0
        // Without the ECN bits, which don't route.
        header[3] = typeOfService & 0xfc
        return NetlinkMessage(type: 26, header: header)
    }

    private static func request(for flow: Flow) -> NetlinkMessage {
        var request = request(for: flow.destination.address, typeOfService: flow.typeOfService, isFromSource: true)
        request.add(Attribute.destination, networkBytes(flow.destination.address))
        request.add(Attribute.source, networkBytes(flow.source.address))
        request.add(Attribute.transport, UInt8(IPPROTO_TCP))
        if flow.source.port != 0 { request.add(Attribute.sourcePort, flow.source.port.bigEndian) }
        request.add(Attribute.destinationPort, flow.destination.port.bigEndian)
        if flow.mark != 0 { request.add(Attribute.mark, flow.mark) }
        return request
    }

    private static func networkBytes(_ address: IPAddress) -> [UInt8] {
        Array(address.bytes.suffix(address.bitWidth / 8))
    }

    /// RTA_… of linux/rtnetlink.h.
    private enum Attribute {
        static let destination: UInt16 = 1
        static let source: UInt16 = 2
        static let incoming: UInt16 = 3
        static let outgoing: UInt16 = 4
        static let gateway: UInt16 = 5
        static let mark: UInt16 = 16
        static let via: UInt16 = 18
        static let transport: UInt16 = 27
        static let sourcePort: UInt16 = 28
        static let destinationPort: UInt16 = 29
    }
}

extension RouteLookup.Rule {
    /// Of a message RTM_NEWRULE.
    fileprivate init(_ message: NetlinkReply) {
        // struct fib_rule_hdr: tos.
        var asksForClass = message.byte(at: 16 + 3) != 0
        message.forEachAttribute(in: message.attributes(afterHeader: 12)) { type, payload in
            switch type {
            case 3:  // FRA_IIFNAME
                incomingInterface = String(decoding: message.bytes[payload].prefix { $0 != 0 }, as: UTF8.self)
            case 21: origin = message.byte(at: payload.lowerBound)  // FRA_PROTOCOL
            case 17, 20, 23: asksMore = true  // FRA_OIFNAME, FRA_UID_RANGE, FRA_SPORT_RANGE
            case 25: asksForClass = true  // FRA_DSCP
            case 19: asksMore = asksMore || message.byte(at: payload.lowerBound) != 0  // FRA_L3MDEV
            default: break
            }
        }
        asksMore = asksMore || asksForClass
        asksForTrafficClass = asksForClass && message.byte(at: 16) == UInt8(AF_INET6)
    }
}
