import Wire

/// The shell in which a situation's lines run: each node's `sh -e`, with these at hand.
///
/// - `$F` 4 or 6, `$K` nft or legacy;
/// - `ipt …`: iptables of the family and kind; `restore`: the same for iptables-restore; `ipf …`: `ip -4` or `ip -6`;
/// - `$S` the service's address, `$P` its first port;
/// - `$C0`, `$C1` the client's addresses, `$LAN` a prefix that holds both, `$A0`, `$A1` the box's addresses there;
/// - `$G0`, `$G1` the next hops at wan0 and wan1, `$B0`, `$B1` the box's addresses there;
/// - `$ICMP` the protocol, `$TOOBIG` its type for that, `$ADMIN` and `$PORT` the REJECT types, `$ALL` the length of a host's
///   prefix.
struct RouterShell: Sendable {
    private let preamble: String

    init(_ lab: Lab, _ family: IPFamily, _ kind: IPTablesKind, port: UInt16) {
        let isIPv4 = family == .v4
        let client = lab.links(of: .client(0))
        let uplinks = [Lab.Node.server(0), .server(1)].map { lab.links(of: $0)[0] }
        var words = [
            "F": isIPv4 ? "4" : "6", "K": kind.rawValue, "P": "\(port)",
            "S": "\(MatrixNetwork.service(family))", "LAN": isIPv4 ? "10.0.0.0/14" : "fd00::/30",
            "ICMP": isIPv4 ? "icmp" : "ipv6-icmp", "ALL": isIPv4 ? "32" : "128",
            "ADMIN": isIPv4 ? "icmp-admin-prohibited" : "icmp6-adm-prohibited",
            "TOOBIG": isIPv4 ? "--icmp-type fragmentation-needed" : "--icmpv6-type packet-too-big",
            "PORT": isIPv4 ? "icmp-port-unreachable" : "icmp6-port-unreachable",
        ]
        for (index, link) in client.enumerated() {
            words["C\(index)"] = "\(link.address(family))"
            words["A\(index)"] = "\(link.boxAddress(family))"
        }
        for (index, link) in uplinks.enumerated() {
            words["G\(index)"] = "\(MatrixNetwork.nextHop(link, family))"
            words["B\(index)"] = "\(link.boxAddress(family))"
        }
        let tool = isIPv4 ? "iptables" : "ip6tables"
        preamble =
            words.map { "\($0.key)='\($0.value)'" }.sorted().joined(separator: "\n") + """

                ipt() { \(tool)-\(kind) -w "$@"; }
                restore() { \(tool)-\(kind)-restore -w "$@"; }
                ipf() { ip -$F "$@"; }

                """
    }

    /// The command that runs these lines.
    func command(_ lines: [String], pid: Int32? = nil) -> [String] {
        let daemon = pid.map(String.init) ?? ""
        return ["sh", "-ec", preamble + "SLUICE=\(daemon)\n" + lines.joined(separator: "\n")]
    }
}

/// What the lab becomes for the matrix.
enum MatrixNetwork {
    /// The address that both servers have.
    static func service(_ family: IPFamily) -> IPAddress { IPAddress(family == .v4 ? "10.99.0.1" : "fd00:99::1")! }

    /// The router behind the box on this uplink: the hop, or the server.
    static func nextHop(_ link: Lab.Link, _ family: IPFamily) -> IPAddress {
        link.hop == nil ? link.address(family) : link.far.host(2, family)
    }

    /// Puts the service's address on both servers, and a default route by wan0 into the box.
    static func prepare(_ lab: Lab) throws {
        for (index, node) in [Lab.Node.server(0), .server(1)].enumerated() {
            let link = lab.links(of: node)[0]
            var lines: [String] = []
            for family in IPFamily.allCases {
                let (version, service) = (family == .v4 ? "-4" : "-6", service(family))
                let flags = family == .v4 ? "" : "nodad"
                lines.append(
                    "ip \(version) -n \(lab.namespace(node).name) address add \(service) dev lo \(flags)")
                if index == 0 {
                    lines.append(
                        "ip \(version) -n \(lab.namespace(.box).name) route add default via "
                            + "\(nextHop(link, family)) dev \(link.name)")
                }
                if let hop = link.hop {
                    let mtu = link.configuration.mtu.map { "mtu lock \($0)" } ?? ""
                    lines.append(
                        "ip \(version) -n \(hop.name) route add \(service) via \(link.address(family)) dev near \(mtu)")
                }
            }
            try lab.runNow(["sh", "-ec", lines.joined(separator: "\n")])
        }
    }
}
