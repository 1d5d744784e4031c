import Settings

extension MachineFacts {
    /// The kernel itself is asked, since distributions backport: the number only explains.
    var kernelFindings: [Finding] {
        guard multipathSocketError == nil, !hasFullInfo else { return [] }
        let age = isOlder(than: (6, 5)) ? "is older than 6.5 and " : ""
        return [
            .error(
                .kernel, "Linux \(release) \(age)lacks MPTCP_FULL_INFO, by which connections and subflows are read",
                mend: "run Linux 6.5 or newer")
        ]
    }

    func kernelFaultFindings(_ settings: Settings) -> [Finding] {
        guard let version = KernelVersion(release: release) else { return [] }
        return KernelFault.known.filter { $0.concerns(settings) }.compactMap { fault in
            guard let range = fault.ranges.first(where: { $0.contains(version) }) else { return nil }
            return .note(
                .kernelFaults,
                "Linux \(release) \(fault.effect), unless your distribution has taken over \(fault.commit); "
                    + "mended in \(range.fixed)")
        }
    }

    var multipathFindings: [Finding] {
        guard let multipathEnabled else {
            let age = isOlder(than: (5, 6)) ? ", and is older than 5.6, the first that had it" : ""
            return [
                .error(
                    .mptcp, "Linux \(release) is built without MPTCP (no sysctl net.mptcp.enabled)\(age)",
                    mend: "run a kernel of 6.5 or newer with CONFIG_MPTCP=y")
            ]
        }
        if multipathEnabled == "0" {
            return [.error(.mptcp, "MPTCP is off: net.mptcp.enabled=0", mend: "sysctl -w net.mptcp.enabled=1")]
        }
        if let multipathSocketError {
            return [
                .error(
                    .mptcp, "an MPTCP socket can't be opened: \(multipathSocketError)",
                    mend: "see whether a BPF program, seccomp or SELinux forbids IPPROTO_MPTCP (262) to this process")
            ]
        }
        if !hasDiagnostics {
            return [
                .error(
                    .mptcp, "the kernel can't be asked about MPTCP connections, so that every MP_JOIN would be let go",
                    mend: "modprobe mptcp_diag, or run a kernel with CONFIG_INET_MPTCP_DIAG")
            ]
        }
        if resetsOnClose == false {
            return [
                .warning(
                    .mptcp,
                    "Linux \(release) ends MPTCP connections in order when their process is killed (it heeds no SO_LINGER "
                        + "there): should the daemon die, a transfer that is cut off looks complete to the client",
                    mend: "run a kernel with \"mptcp: fastclose msk when linger time is 0\"")
            ]
        }
        return []
    }

    func pathManagerFindings(_ settings: Settings) -> [Finding] {
        guard let allowed = pathManagerLimits?.subflows else { return [] }
        let interfaces = settings.intercept.interfaces.count
        // The kernel takes no more than eight (MPTCP_PM_ADDR_MAX).
        let wanted = min(8, interfaces - 1)
        if allowed == 0 {
            return [
                .error(
                    .pathManager, "the path manager allows no subflow besides the first: every MP_JOIN is refused",
                    mend: "ip mptcp limits set subflow \(max(2, wanted))")
            ]
        }
        guard allowed < wanted else { return [] }
        return [
            .warning(
                .pathManager,
                "the path manager allows \(allowed + 1) subflows, for \(interfaces) interfaces in [intercept]",
                mend: "ip mptcp limits set subflow \(wanted)")
        ]
    }

    /// False when the release doesn't begin with two numbers.
    private func isOlder(than version: (Int, Int)) -> Bool {
        KernelVersion(release: release).map { $0 < KernelVersion(version.0, version.1) } ?? false
    }
}
