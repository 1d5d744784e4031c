/// The one setting of the router's own that has to change (sysctl.template says why), and how its former value outlives
/// a killed daemon: as an empty chain among our rules, which is there if the value was 1, the kernel's default.
struct EarlyDemux {
    let tool: Tool

    private static let key = "net.ipv4.tcp_early_demux"
    private static let chain = ":SLUICE_EARLY_DEMUX "

    /// The IPv4 rules with the former value noted in them; to be in place before the value is changed.
    func note(in rules: String) async throws(FirewallError) -> String {
        var on = await isNoted
        if !on { on = try await tool.run("sysctl", "-n", Self.key) == "1\n" }
        return on ? "*filter\n\(Self.chain)- [0:0]\nCOMMIT\n" + rules : rules
    }

    /// To be called before the note is removed.
    func restore() async throws(FirewallError) {
        if await isNoted { try await tool.run("sysctl", "-q", "-w", "\(Self.key)=1") }
    }

    private var isNoted: Bool {
        get async {
            for backend in Backend.allCases {
                if let saved = try? await backend.saved(.ipv4, tool), saved.contains(Self.chain) { return true }
            }
            return false
        }
    }
}
