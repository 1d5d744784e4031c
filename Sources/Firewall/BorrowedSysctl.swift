/// A setting of the router's own that has to change while the rules stand (sysctl.template says why), and how its former
/// value outlives a killed daemon, in two ways: in a file below /run (`BorrowedValues`); and, should that be lost, as an
/// empty chain among our rules, which is there if the value was the kernel's default. Either is enough: a flush of the
/// rules takes the chain along.
struct BorrowedSysctl {
    let key: String
    let usual: String
    let chain: String
    /// The value that it has meanwhile, if Sluice is only the faster for it: what others have set, before or since, is left
    /// alone. nil: Sluice needs the template's.
    var preferred: String?

    static let earlyDemux = BorrowedSysctl(
        key: "net.ipv4.tcp_early_demux", usual: "1", chain: ":SLUICE_EARLY_DEMUX ")
    static let pathManager = BorrowedSysctl(key: "net.mptcp.pm_type", usual: "0", chain: ":SLUICE_PATH_MANAGER ")
    static let segmentsByRoundTrip = BorrowedSysctl(
        key: "net.ipv4.tcp_tso_rtt_log", usual: "9", chain: ":SLUICE_TSO_RTT_LOG ", preferred: "12")
    static let all = [earlyDemux, pathManager, segmentsByRoundTrip]

    /// May it be borrowed? A preference gives way to a value that isn't the kernel's default, and to one that somebody has
    /// set since. `isSet`: this process has set it.
    func isFree(_ tool: Tool, isSet: Bool) async -> Bool {
        guard let preferred else { return true }
        let (former, now) = (try? await formerValue(tool), try? await value(tool))
        return former == usual && (now == preferred || now == usual && !isSet)
    }

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
        if let former, await isOurs(tool) { try await tool.run("sysctl", "-q", "-w", "\(key)=\(former)") }
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
        return try await value(tool)
    }

    private func value(_ tool: Tool) async throws(FirewallError) -> String {
        String(try await tool.run("sysctl", "-n", key).prefix { $0 != "\n" })
    }

    /// Nobody else has set a preference since.
    private func isOurs(_ tool: Tool) async -> Bool {
        guard let preferred else { return true }
        let value = try? await value(tool)
        return value == preferred
    }

    private func isInRules(_ tool: Tool) async -> Bool {
        for backend in Backend.allCases {
            if let saved = try? await backend.saved(.ipv4, tool), saved.contains(chain) { return true }
        }
        return false
    }
}
