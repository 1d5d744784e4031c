import LinuxSystem
import Wire

/// Would the box's own connection to a server leave by the way on which the client's SYN was?
///
/// Not where routing rules tell a forwarded packet from one of the router's own: those by incoming interface, above all. The
/// box's would go elsewhere, past a VPN perhaps. Routers without such rules are asked nothing for each SYN.
struct ExitCheck: ~Copyable {
    private let routes: RouteLookup
    private let news: RoutingNews
    /// The interfaces whose packets have rules of their own.
    private var interfaces: Set<UInt32> = []
    /// Packets of all interfaces have.
    private var concernsAll = true
    /// There are rules by traffic class, of which the kernel can't be asked.
    private var asksForTrafficClass = false

    /// The origin that our own routing rules state (`Firewall.routeProtocol`).
    private static let ownRules: UInt8 = 83

    /// In the network namespace of the calling thread.
    init() throws(SystemError) {
        // Before the rules are read, so that no change falls between the two.
        let news = try RoutingNews()
        let routes = try RouteLookup()
        self.news = news
        self.routes = routes
        readRules()
    }

    /// - Parameters:
    ///   - flow: the client's SYN's.
    ///   - inDevice: the index of the interface that it came in by.
    ///   - copiesDSCP: the box's own connection has its DSCP.
    mutating func agrees(_ flow: RouteLookup.Flow, inDevice: UInt32, copiesDSCP: Bool) -> Bool {
        if news.haveCome() { readRules() }
        if asksForTrafficClass, !flow.source.address.isIPv4, DSCP(trafficClass: flow.typeOfService) != .standard {
            return false
        }
        guard concernsAll || interfaces.contains(inDevice) else { return true }
        var ownFlow = flow
        ownFlow.source = Endpoint(address: flow.source.address, port: 0)
        guard let own = routes.routeOfOwn(ownFlow, withDSCP: copiesDSCP),
            let forwarded = routes.route(of: flow, comingInBy: inDevice)
        else {
            return false
        }
        return own == forwarded
    }

    private mutating func readRules() {
        guard let rules = try? routes.rules().filter({ $0.origin != Self.ownRules }) else {
            concernsAll = true
            return
        }
        concernsAll = rules.contains { $0.asksMore || $0.incomingInterface == "lo" }
        asksForTrafficClass = rules.contains(where: \.asksForTrafficClass)
        interfaces = Set(rules.compactMap { $0.incomingInterface.flatMap(NetworkInterface.index) })
    }
}
