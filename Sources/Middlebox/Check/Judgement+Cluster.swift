import Settings

extension MachineFacts {
    func clusterFindings(_ settings: Settings) -> [Finding] {
        guard let redis = settings.cluster.redis, settings.cluster.id != nil else { return [] }
        var findings: [Finding] = []
        if let directoryError {
            findings.append(
                .warning(
                    .cluster, "[cluster] redis: \(redis) can't be used: \(directoryError)",
                    mend: "until it can, joins to connections of other boxes fail"))
        }
        guard !settings.peers.isEmpty, let interface = settings.cluster.interface else { return findings }
        if let peerRoutesError {
            findings.append(.error(.cluster, "\(UnusableCluster(error: peerRoutesError))", mend: "or remove [[peer]]"))
        }
        if let wayBackError {
            findings.append(
                .warning(
                    .cluster, "what servers send to another box's connections can't be led there (\(wayBackError))",
                    mend: "modprobe -a \(Self.wayBackModules), or have the router keep both directions together"))
        }
        guard let link = interfaces[interface] else {
            return findings + [
                .warning(
                    .cluster, "[cluster] interface: there is no \(interface)",
                    mend: "`ip -br link` lists those that there are")
            ]
        }
        if max(link.reversePathFilter ?? 0, reversePathFilter) == 1 {
            findings.append(
                .warning(
                    .reversePathFilter,
                    "rp_filter is strict on \(interface): the kernel drops every IPv4 packet that another box leads here, "
                        + "since the route to its client is another",
                    mend:
                        "sysctl -w \(Self.sysctl("net.ipv4.conf", interface, "rp_filter"))=2; other interfaces may stay "
                        + "strict"))
        }
        return findings
    }

    static let wayBackModules = ["nft_dup", "nft_fib", "nft_reject"].map { "\($0)_ipv4 \($0)_ipv6" }.joined(
        separator: " ")
}
