import LinuxSystem
import Wire

/// What is configured inside one namespace, as lines for `ip -batch` and `tc -batch`.
struct Interior {
    /// An interface with the network it is in.
    struct Port {
        let name: String
        let network: Lab.Network
        /// The last number of its address: 1 or 2.
        let host: Int
        var rate: BitRate?
        /// Single packets instead of GSO packets, so that a lost packet is one segment and not 64 KB.
        var splitsPackets = false
    }

    private(set) var ports: [Port] = []
    private var routes: [(IPFamily) -> [String]] = []
    private var endpoints: [String] = []

    /// The inside of a client, the box or a server.
    init(lab: Lab, node: Lab.Node) {
        for link in node == .box ? lab.links : lab.links(of: node) {
            let hasHop = link.hop != nil
            let splits = link.configuration.loss > 0
            if node == .box {
                ports.append(
                    Port(
                        name: link.name, network: hasHop ? link.far : link.near, host: 1,
                        rate: hasHop ? nil : link.configuration.rate, splitsPackets: splits))
                if hasHop { routes.append { ["route add \(link.near.prefix($0)) via \(link.far.host(2, $0))"] } }
            } else {
                ports.append(
                    Port(
                        name: link.nodeInterface, network: link.near, host: 2, rate: link.configuration.rate,
                        splitsPackets: splits))
                routes.append { Self.sourceRouting(link, $0) }
                if link.index > 0 {
                    endpoints += IPFamily.allCases.map {
                        "mptcp endpoint add \(link.address($0)) dev \(link.nodeInterface) subflow"
                    }
                }
            }
        }
    }

    /// The inside of the router in a link's middle. A forwarder heeds a route's MTU only when it is locked
    /// (ip_dst_mtu_maybe_forward in the kernel's include/net/ip.h). The kernel's own route to a connected IPv6 network
    /// has metric 256.
    init(hopOf link: Lab.Link) {
        ports = [
            Port(name: "near", network: link.near, host: 1, rate: link.configuration.rate),
            Port(name: "far", network: link.far, host: 2),
        ]
        let mtu = link.configuration.mtu.map { "mtu lock \($0)" } ?? ""
        routes.append { family in
            let metric = family == .v4 ? 0 : 256
            return [
                "route add default via \(link.far.host(1, family)) \(mtu)",
                "route replace \(link.near.prefix(family)) dev near metric \(metric) \(mtu)",
            ]
        }
    }

    private static func sourceRouting(_ link: Lab.Link, _ family: IPFamily) -> [String] {
        let way = "default via \(link.gateway(family)) dev \(link.nodeInterface)"
        let table = link.index + 1
        return (link.index == 0 ? ["route add \(way)"] : []) + [
            "route add \(way) table \(table)", "rule add from \(link.address(family)) lookup \(table)",
        ]
    }

    var interfaces: [String] {
        ["link set dev lo up"]
            + ports.filter(\.splitsPackets).map { "link set dev \($0.name) gso_max_segs 1" }
            + ports.map { "link set dev \($0.name) up" }
    }

    /// Limits that allow every join, and the client's further addresses.
    var pathManager: [String] { ["mptcp limits set subflow 8 add_addr_accepted 8"] + endpoints }

    func addressing(_ family: IPFamily) -> [String] {
        ports.map { port in
            "addr add \(port.network.host(port.host, family))/\(Lab.Network.length(family)) dev \(port.name)"
                + (family == .v6 ? " nodad" : "")
        } + routes.flatMap { $0(family) }
    }

    /// A token bucket for each port with a rate.
    var rates: [String] {
        ports.compactMap { port in port.rate.map { "qdisc add dev \(port.name) root \(Self.bucket($0))" } }
    }

    /// The burst holds a whole GSO packet (64 KiB), else the kernel cuts it up; the queue holds 100 ms.
    static func bucket(_ rate: BitRate) -> String {
        let rate = rate.bitsPerSecond
        let burst = max(96 << 10, rate / 8 / 500)
        let limit = max(256 << 10, rate / 8 / 10) + burst
        return "tbf rate \(rate)bit burst \(burst)b limit \(limit)b"
    }
}
