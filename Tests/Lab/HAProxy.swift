import Glibc

/// HAProxy in the box, taking every connection to some ports by TPROXY on the packet's own port, with MPTCP towards
/// clients by mptcpize: what a router's owner would use for want of Sluice.
public struct HAProxy: Sendable {
    /// One process does everything, with as many threads as it was given.
    public let process: ChildProcess

    fileprivate init(_ lab: Lab, ports: [UInt16], threads: Int, splice: Bool, opensInput: Bool) throws {
        let file = try lab.scratchFile("haproxy")
        try writeFile("\(file).cfg", Self.configuration(ports, threads: threads, splice: splice))
        try writeFile("\(file).rules", Self.rules(ports, opensInput: opensInput))
        for (family, restore) in [("-4", "iptables-restore"), ("-6", "ip6tables-restore")] {
            try lab.runNow(in: .box, [restore, "--noflush", "\(file).rules"])
            try lab.runNow(in: .box, ["ip", family, "rule", "add", "fwmark", "1", "lookup", "100"])
            try lab.runNow(in: .box, ["ip", family, "route", "add", "local", "default", "dev", "lo", "table", "100"])
        }
        process = try lab.spawn(in: .box, ["mptcpize", "run", "haproxy", "-db", "-f", "\(file).cfg"])
    }

    /// Two descriptors for each connection and each pipe are below 20,000, which is often the limit of a process.
    /// `0.0.0.0:0` is the address to which the client connected; the server sees the client's own (`usesrc clientip`).
    private static func configuration(_ ports: [UInt16], threads: Int, splice: Bool) -> String {
        let binds = ports.map { "    bind 0.0.0.0:\($0) transparent\n    bind [::]:\($0) v6only transparent" }
        return """
            global
                nbthread \(threads)
                maxconn 9100
                maxpipes 600
            defaults
                mode tcp
                timeout connect 5s
                timeout client 1h
                timeout server 1h
            \(splice ? "    option splice-auto\n" : "")listen relay
            \(binds.joined(separator: "\n"))
                source 0.0.0.0 usesrc clientip
                server origin 0.0.0.0:0

            """
    }

    /// What TPROXY takes is delivered here: a filter that drops what isn't meant for the router has to let it in.
    private static func rules(_ ports: [UInt16], opensInput: Bool) -> String {
        let list = ports.map(String.init).joined(separator: ",")
        let input = opensInput ? "*filter\n-A INPUT -p tcp -m mark --mark 1/1 -j ACCEPT\nCOMMIT\n" : ""
        return """
            *mangle
            -A PREROUTING -i wan+ -p tcp -m socket --transparent -j MARK --set-mark 1
            -A PREROUTING -i lan+ -p tcp -m multiport --dports \(list) -j TPROXY --on-port 0 --tproxy-mark 1/1
            COMMIT
            \(input)
            """
    }
}

extension Lab {
    /// Runs HAProxy in the box and returns when it listens. Once in a lab. `opensInput`: the box's filter drops what isn't
    /// meant for it.
    public func startHAProxy(
        ports: [UInt16], threads: Int, splice: Bool, opensInput: Bool = false
    ) async throws -> HAProxy {
        guard access("/usr/sbin/haproxy", X_OK) == 0 else {
            throw LabError.notFound("no haproxy: apt-get install --no-install-recommends haproxy")
        }
        let haproxy = try HAProxy(self, ports: ports, threads: threads, splice: splice, opensInput: opensInput)
        try await wait(for: "haproxy to listen") {
            if let status = haproxy.process.status {
                throw LabError.command(haproxy.process.command, status, errors: haproxy.process.errors)
            }
            return try ports.allSatisfy { try isListening(in: .box, port: $0) }
        }
        return haproxy
    }
}
