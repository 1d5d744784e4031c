/// A setting of the router's own that has to change while the rules stand (sysctl.template says why), and how its former
/// value outlives a killed daemon, in two ways: in a file below /run (`BorrowedValues`); and, should that be lost, as an
/// empty chain among our rules, which is there if the value was the kernel's default. Either is enough: a flush of the
/// rules takes the chain along.
struct BorrowedSysctl {
    let key: String
    let usual: String
    let chain: String

    static let earlyDemux = BorrowedSysctl(
        key: "net.ipv4.tcp_early_demux", usual: "1", chain: ":SLUICE_EARLY_DEMUX ")
    static let pathManager = BorrowedSysctl(key: "net.mptcp.pm_type", usual: "0", chain: ":SLUICE_PATH_MANAGER ")
    static let all = [earlyDemux, pathManager]

    /// The IPv4 rules with the former value noted in them, and in the file; to be in place before the value is changed.
    func note(in rules: String, _ tool: Tool) async throws(FirewallError) -> String {
        let value = try await formerValue(tool)
        BorrowedValues(tool)?.remember(value, of: key)
        return value == usual ? "*filter\n\(chain)- [0:0]\nCOMMIT\n" + rules : rules
    }

    /// To be called before the note is removed.
    func restore(_ tool: Tool) async throws(FirewallError) {
        let file = BorrowedValues(tool)
        var former = file?[key]
        if former == nil, await isInRules(tool) { former = usual }
        if let former { try await tool.run("sysctl", "-q", "-w", "\(key)=\(former)") }
        file?.forget(key)
    }

    func isNoted(_ tool: Tool) async -> Bool {
        if BorrowedValues(tool)?[key] != nil { return true }
        return await isInRules(tool)
    }

    /// As it was before any run of ours changed it.
    private func formerValue(_ tool: Tool) async throws(FirewallError) -> String {
        if let value = BorrowedValues(tool)?[key] { return value }
        if await isInRules(tool) { return usual }
        return String(try await tool.run("sysctl", "-n", key).prefix { $0 != "\n" })
    }

    private func isInRules(_ tool: Tool) async -> Bool {
        for backend in Backend.allCases {
            if let saved = try? await backend.saved(.ipv4, tool), saved.contains(chain) { return true }
        }
        return false
    }
}
