import LinuxSystem
public import Wire

public enum IPFamily: String, CaseIterable, Sendable {
    case v4, v6
}

extension Lab {
    /// One wire of the lab, with its addresses.
    public struct Link: Sendable {
        /// The client or server at the link's end.
        public let node: Node
        /// The place among the node's links, from 0.
        public let index: Int
        /// The interface in the box.
        public let name: String
        /// The interface in the client or server.
        public let nodeInterface: String
        public let configuration: LabConfiguration.Link
        /// The router in the middle, if there is one.
        let hop: NetworkNamespace?
        let near: Network
        let far: Network

        /// The address of the client or server.
        public func address(_ family: IPFamily = .v4) -> IPAddress { near.host(2, family) }
        /// The gateway of the client or server: the box, or the hop.
        public func gateway(_ family: IPFamily = .v4) -> IPAddress { near.host(1, family) }
        /// The box's address on this link.
        public func boxAddress(_ family: IPFamily = .v4) -> IPAddress { (hop == nil ? near : far).host(1, family) }
    }

    /// A /24 and a /64 that are numbered alike.
    struct Network: Sendable {
        /// The first three numbers, e.g. `10.1.0` and `fd00:1:0`.
        let v4: String
        let v6: String

        func host(_ number: Int, _ family: IPFamily) -> IPAddress {
            IPAddress(family == .v4 ? "\(v4).\(number)" : "\(v6)::\(number)")!
        }
        func prefix(_ family: IPFamily) -> String { family == .v4 ? "\(v4).0/24" : "\(v6)::/64" }
        static func length(_ family: IPFamily) -> Int { family == .v4 ? 24 : 64 }
    }

    /// The links of a client or server, in order.
    public func links(of node: Node) -> [Link] { links.filter { $0.node == node } }

    /// The address of a client or server on its first link, or on the one given.
    public func address(_ node: Node, link: Int = 0, _ family: IPFamily = .v4) -> IPAddress {
        links(of: node)[link].address(family)
    }

    /// Gives a client `count` more addresses on its first link, .100 and up, and returns them.
    public func addAddresses(_ count: Int, to node: Node, _ family: IPFamily = .v4) throws -> [IPAddress] {
        guard let link = links(of: node).first else { return [] }
        let addresses = (0..<count).map { link.near.host(100 + $0, family) }
        try batch(
            "ip", in: namespace(node),
            addresses.map {
                "addr add \($0)/\(Network.length(family)) dev \(link.nodeInterface)" + (family == .v6 ? " nodad" : "")
            })
        return addresses
    }

    /// A port at a client's or server's first address.
    public func endpoint(_ node: Node, port: UInt16, _ family: IPFamily = .v4) -> Endpoint {
        Endpoint(address: address(node, family), port: port)
    }

    /// The `[intercept]` section that a box in this lab needs at least.
    public var sluiceDefaults: String { configuration.sluiceDefaults }
}

extension LabConfiguration {
    /// The `[intercept]` section that Sluice needs at least: the client-facing interfaces.
    public var sluiceDefaults: String {
        let names = Lab.Link.plan(self, lab: "").filter { $0.node.isClient }.map { "\"\($0.name)\"" }
        return "[intercept]\ninterfaces = [\(names.joined(separator: ", "))]\n"
    }
}

extension Lab.Node {
    var isClient: Bool { if case .client = self { true } else { false } }
}

extension Lab.Link {
    static func plan(_ configuration: LabConfiguration, lab: String) -> [Lab.Link] {
        var plan: [Lab.Link] = []
        for (client, links) in configuration.clients.map(\.links).enumerated() {
            for (index, link) in links.enumerated() {
                let number = 16 * client + index + 1
                let name = link.name ?? "lan\(plan.count)"
                plan.append(
                    Lab.Link(
                        node: .client(client), index: index, name: name, nodeInterface: name, configuration: link,
                        hop: link.needsHop ? NetworkNamespace("\(lab)-hop-\(name)") : nil,
                        near: Lab.Network(v4: "10.\(number).0", v6: "fd00:\(number):0"),
                        far: Lab.Network(v4: "10.\(number).1", v6: "fd00:\(number):1")))
            }
        }
        for (server, link) in configuration.servers.enumerated() {
            let name = link.name ?? "wan\(server)"
            plan.append(
                Lab.Link(
                    node: .server(server), index: 0, name: name, nodeInterface: "eth0", configuration: link,
                    hop: link.needsHop ? NetworkNamespace("\(lab)-hop-\(name)") : nil,
                    near: Lab.Network(v4: "10.9.\(server)", v6: "fd00:9:\(server)"),
                    far: Lab.Network(v4: "10.9.\(100 + server)", v6: "fd00:9:\(100 + server)")))
        }
        return plan
    }
}
