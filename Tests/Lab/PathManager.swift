// The kernel's MPTCP path manager and its settings inside a node (ip-mptcp(8)).

extension Lab {
    /// Runs `ip mptcp …` in a node; throws unless it succeeds.
    public func mptcp(in node: Node, _ arguments: [String]) async throws {
        try await require(in: node, ["ip", "mptcp"] + arguments)
    }

    /// Runs a program to its end; throws unless it succeeds.
    public func require(in node: Node, _ command: [String]) async throws {
        let result = try await run(in: node, command)
        guard result.status.isSuccess else { throw LabError.command(command, result.status, errors: result.errors) }
    }

    /// Sets a sysctl, e.g. `net/mptcp/checksum_enabled`, in a node.
    public func setSysctl(in node: Node, _ key: String, _ value: String) throws {
        try namespace(node).run { try writeFile("/proc/sys/\(key)", value) }
    }
}
