/// A tool that could not do its part: which, what it said, and what the operator can do about it.
public struct FirewallError: Error, Hashable, CustomStringConvertible {
    /// The command, e.g. `ip6tables-nft-restore --noflush -w 10`.
    public let command: String
    /// What the tool wrote to its standard error, or why it could not be started.
    public let message: String
    /// The line of our input that the tool complained about, if it named one.
    public let line: String?

    public init(command: String, message: String, line: String?) {
        self.command = command
        self.message = message
        self.line = line
    }

    public var lacksPrivilege: Bool { says("must be root", "ermission denied", "not permitted") }

    /// The kernel, or the tool, knows no such family of addresses.
    var saysUnsupported: Bool { says("not supported") }

    private func says(_ parts: String...) -> Bool { parts.contains { message.contains($0) } }

    /// What to do about it.
    public var mend: String {
        if lacksPrivilege { return "run as root, or with CAP_NET_ADMIN" }
        if says("not found in PATH", "failed to execute") {
            return "install it: the Debian packages are iptables, iproute2, procps and util-linux"
        }
        if says("xtables lock") { return "another program holds the lock on the rules: try again" }
        if says("No such file", "missing kernel module", "No chain/target/match", "does not exist", "not supported") {
            return """
                the kernel lacks something that this rule needs: try modprobe -a xt_TPROXY xt_NFQUEUE xt_CLASSIFY \
                xt_CONNMARK xt_mark xt_connmark xt_conntrack xt_bpf xt_dscp (without the last: [relay] dscp = false), for nft also nft_compat
                """
        }
        return "`sluice rules show` prints the whole input; the tool's own words say what it stumbled over"
    }

    /// Which tool, and what it said.
    public var problem: String { "\(command): \(message)" + (line.map { " (the line: \($0))" } ?? "") }

    public var description: String { "\(problem); \(mend)" }
}
