import Steering
import Testing
import Wire

@Suite("the path that a subflow takes") struct PlannerPathTests {
    struct PathRow: Sendable, CustomTestStringConvertible {
        var name: String
        var client: String
        var interface: String?
        var paths = PlannerTests.paths
        var path: String?
        var testDescription: String { name }
    }

    static let located: [PathRow] = [
        PathRow(name: "by interface", client: "10.1.0.2", interface: "eth0", path: "wired"),
        PathRow(name: "by another interface", client: "10.1.0.2", interface: "wwan0", path: "mobile"),
        PathRow(name: "by no interface", client: "10.1.0.2", interface: "eth9", path: nil),
        PathRow(name: "interface unknown", client: "10.1.0.2", interface: nil, path: nil),
        PathRow(name: "by client", client: "10.3.255.1", interface: "eth9", path: "radio"),
        PathRow(name: "by client, interface unknown", client: "10.3.0.1", interface: nil, path: "radio"),
        PathRow(name: "beside the prefix", client: "10.4.0.1", interface: nil, path: nil),
        PathRow(name: "by client, IPv6", client: "2001:db8:3::1", interface: nil, path: "radio"),
        PathRow(name: "beside the IPv6 prefix", client: "2001:db8:4::1", interface: nil, path: nil),
        PathRow(name: "mapped IPv4 is IPv4", client: "::ffff:10.3.0.1", interface: nil, path: "radio"),
        PathRow(name: "the first path counts", client: "10.3.0.1", interface: "eth0", path: "wired"),
        PathRow(
            name: "the first path counts, the other way round", client: "10.3.0.1", interface: "eth0",
            paths: PlannerTests.paths.reversed(), path: "radio"),
        PathRow(
            name: "all IPv4 clients", client: "192.0.2.9", interface: nil,
            paths: [Path(name: "all", selector: .clients([IPPrefix("0.0.0.0/0")!]))], path: "all"),
        PathRow(
            name: "all IPv4 clients, but this is IPv6", client: "2001:db8::9", interface: nil,
            paths: [Path(name: "all", selector: .clients([IPPrefix("0.0.0.0/0")!]))], path: nil),
        PathRow(
            name: "no prefix", client: "10.3.0.1", interface: "eth0",
            paths: [Path(name: "none", selector: .clients([]))], path: nil),
        PathRow(name: "no paths", client: "10.3.0.1", interface: "eth0", paths: [], path: nil),
    ]

    @Test("a subflow's path is told by its interface or its client", arguments: located) func locates(row: PathRow) {
        let planner = Planner(paths: row.paths)
        #expect(planner.path(of: PlannerTests.tuple(row.client), interface: row.interface)?.name == row.path)
    }

    static let radioRole = ["radio": PathRole(.standby), "wired": PathRole(.active)]

    @Test("a path of clients is steered, whatever their interface", arguments: ["10.3.0.5", "2001:db8:3::5"])
    func steersClients(client: String) {
        for interface in ["eth3", nil] {
            let mode = SteerRule.Mode.activeStandby(active: "wired", standby: "radio", noStandby: false)
            let row = PlannerTests.Row("", [], [PlannerTests.steer(Self.radioRole, mode: mode)], is: .none) {
                ($0.subflow, $0.interface) = (PlannerTests.tuple(client), interface)
            }
            #expect(row.treatment == PlannerTests.stood)
        }
    }
}
