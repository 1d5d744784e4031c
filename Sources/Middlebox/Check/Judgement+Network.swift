import Settings

extension MachineFacts {
    var forwardingFindings: [Finding] {
        var findings: [Finding] = []
        if ipv4Forwarding == "0" {
            findings.append(
                .error(
                    .forwarding, "this machine doesn't route IPv4: net.ipv4.ip_forward=0",
                    mend: "sysctl -w net.ipv4.ip_forward=1"))
        }
        if ipv6Forwarding == "0" {
            let message = "this machine doesn't route IPv6: net.ipv6.conf.all.forwarding=0"
            let mend = "sysctl -w net.ipv6.conf.all.forwarding=1"
            findings.append(
                hasGlobalIPv6
                    ? .error(.forwarding, message, mend: mend)
                    : .warning(.forwarding, message, mend: "where IPv6 is wanted, \(mend)"))
        }
        return findings
    }

    /// The daemon copes with interfaces that come later; when there is none at all, a name will be wrong.
    func interfaceFindings(_ settings: Settings) -> [Finding] {
        let names = settings.intercept.interfaces
        let missing = names.filter { interfaces[$0] == nil }
        let severity: Finding.Severity = missing.count == names.count ? .error : .warning
        return names.compactMap { name in
            guard let interface = interfaces[name] else {
                return Finding(
                    severity: severity, check: .interfaces, message: "[intercept] interfaces: there is no \(name)",
                    mend: "`ip -br link` lists those that there are")
            }
            if interface.isUp { return nil }
            return .warning(
                .interfaces, "[intercept] interfaces: \(name) is down", mend: "ip link set \(name) up")
        }
    }

    /// Measured: a strict filter drops such a packet between PREROUTING and FORWARD, where no rule can save it. The
    /// TUN device has settings of its own (sysctl.template).
    func reversePathFindings(_ settings: Settings) -> [Finding] {
        settings.intercept.interfaces.compactMap { name in
            guard let own = interfaces[name]?.reversePathFilter, max(own, reversePathFilter) == 1 else { return nil }
            return .warning(
                .reversePathFilter,
                "rp_filter is strict on \(name): the kernel drops every IPv4 packet, MP_JOINs too, that comes in there "
                    + "from an address to which the route leads by another interface",
                mend: "unless each client address comes in where the route to it leads, "
                    + "sysctl -w \(Self.sysctl("net.ipv4.conf", name, "rp_filter"))=2")
        }
    }

    /// sysctl(8) takes slashes for dots, and so keeps interface names with dots (VLANs) whole.
    static func sysctl(_ beginning: String, _ interface: String, _ end: String) -> String {
        guard interface.contains(".") else { return "\(beginning).\(interface).\(end)" }
        return String(beginning.map { $0 == "." ? "/" : $0 }) + "/\(interface)/\(end)"
    }

    var socketMarkFindings: [Finding] {
        guard socketMarkIsInherited else { return [] }
        return [
            .error(
                .socketMark,
                "net.ipv4.tcp_fwmark_accept=1: accepted sockets inherit the mark of the SYN, and their answers are "
                    + "routed back into the box",
                mend: "sysctl -w net.ipv4.tcp_fwmark_accept=0")
        ]
    }

    var checksumFindings: [Finding] {
        guard requiresChecksums else { return [] }
        return [
            .warning(
                .checksums,
                "net.mptcp.checksum_enabled=1: a converted connection may stall when something on the way changes its "
                    + "data; clients that require checksums themselves aren't converted",
                mend: "sysctl -w net.mptcp.checksum_enabled=0")
        ]
    }

    /// The usual ephemeral range is Linux's default for net.ipv4.ip_local_port_range; others' lie above it.
    func portFindings(_ settings: Settings) -> [Finding] {
        let ports = settings.advanced.upstreamPorts
        guard ports.upperBound >= 32768 else { return [] }
        return [
            .warning(
                .ports,
                "[advanced] upstream_ports reaches into the range from which clients take theirs (32768 and up): one "
                    + "that meets a client's own port to the same server shares its conntrack entry",
                mend: "keep it below 32768: upstream_ports = \"4096-32767\"")
        ]
    }
}
