/// A setting of the router's own that has to change while the rules stand (sysctl.template says why), and how its former
/// value outlives a killed daemon: as an empty chain among our rules, which is there if the value was the kernel's default.
struct BorrowedSysctl {
    let key: String
    let usual: String
    let chain: String

    static let earlyDemux = BorrowedSysctl(
        key: "net.ipv4.tcp_early_demux", usual: "1", chain: ":SLUICE_EARLY_DEMUX ")
    static let pathManager = BorrowedSysctl(key: "net.mptcp.pm_type", usual: "0", chain: ":SLUICE_PATH_MANAGER ")
    static let all = [earlyDemux, pathManager]

    /// The IPv4 rules with the former value noted in them; to be in place before the value is changed.
    func note(in rules: String, _ tool: Tool) async throws(FirewallError) -> String {
        var isUsual = await isNoted(tool)
        if !isUsual { isUsual = try await tool.run("sysctl", "-n", key) == "\(usual)\n" }
        return isUsual ? "*filter\n\(chain)- [0:0]\nCOMMIT\n" + rules : rules
    }

    /// To be called before the note is removed.
    func restore(_ tool: Tool) async throws(FirewallError) {
        if await isNoted(tool) { try await tool.run("sysctl", "-q", "-w", "\(key)=\(usual)") }
    }

    func isNoted(_ tool: Tool) async -> Bool {
        for backend in Backend.allCases {
            if let saved = try? await backend.saved(.ipv4, tool), saved.contains(chain) { return true }
        }
        return false
    }
}
