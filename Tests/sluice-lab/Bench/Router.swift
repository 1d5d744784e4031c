import ArgumentParser
import Lab

/// The rules that the box has as a router, the same whatever carries the traffic.
enum Router: String, CaseIterable, ExpressibleByArgument {
    /// None.
    case bare
    /// It drops what nobody behind it has asked for, so that connection tracking sees every packet.
    case stateful

    /// What iptables-restore reads, for both families: a line with -4 or -6 is for one.
    var rules: String? {
        guard self == .stateful else { return nil }
        return """
            *filter
            :INPUT DROP [0:0]
            :FORWARD DROP [0:0]
            -A INPUT -i lo -j ACCEPT
            -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
            -4 -A INPUT -p icmp -j ACCEPT
            -6 -A INPUT -p ipv6-icmp -j ACCEPT
            -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
            -A FORWARD -i lan+ -m conntrack --ctstate NEW -j ACCEPT
            COMMIT

            """
    }

    /// Puts its rules into the box, before anything else has.
    func set(up lab: Lab) async throws {
        guard let rules else { return }
        for tool in ["iptables-restore", "ip6tables-restore"] {
            try await lab.require(in: .box, ["sh", "-ec", "\(tool) --noflush <<'END'\n\(rules)END"])
        }
    }
}
