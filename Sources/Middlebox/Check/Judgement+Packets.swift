import Firewall
import Glibc
import NetfilterQueue
import Settings
import SystemPackage

extension MachineFacts {
    /// What fails for want of a right is said once, by `capabilityFindings`.
    func isMereConsequence(_ errno: Errno) -> Bool {
        !capabilities.contains(.netAdmin) && [.notPermitted, .permissionDenied].contains(errno)
    }

    /// iptables-nft does without, iptables-legacy doesn't, and then says no word about rights.
    var lacksRawSocket: Bool {
        !capabilities.contains(.netRaw) && rulesError?.command.contains("legacy") == true
    }

    var conntrackFindings: [Finding] {
        // Without the right to try the rules out, conntrack may not have been loaded yet.
        guard !hasConntrack, rulesError == nil else { return [] }
        return [
            .error(
                .conntrack, "connection tracking is missing (no sysctl net.netfilter.nf_conntrack_max)",
                mend: "modprobe nf_conntrack")
        ]
    }

    var rulesFindings: [Finding] {
        guard let rulesError, capabilities.contains(.netAdmin), !lacksRawSocket else { return [] }
        if rulesError.lacksPrivilege, !capabilities.contains(.sysAdmin) {
            return [
                .warning(
                    .rules, "the rules could not be tried out: that takes CAP_SYS_ADMIN, for a network namespace",
                    mend: "run this check as root")
            ]
        }
        return [.error(.rules, "the rules can't be applied: \(rulesError.problem)", mend: rulesError.mend)]
    }

    /// Some of many: they are of a kind.
    func markFindings(_ settings: Settings) -> [Finding] {
        let mask = "0x" + String(settings.advanced.markMask, radix: 16)
        let others = "0x" + String(~settings.advanced.markMask, radix: 16)
        return markOverlaps.prefix(Self.shownOverlaps).enumerated().map { index, overlap in
            let isLast = index == Self.shownOverlaps - 1
            let more =
                isLast && markOverlaps.count > Self.shownOverlaps
                ? " (and \(markOverlaps.count - Self.shownOverlaps) more)" : ""
            return .warning(
                .marks,
                "\(overlap.place): `\(overlap.rule)` has to do with bits of Sluice's mark (\(mask))\(more)",
                mend: "give it a mask without them (/\(others)), or Sluice other bits: [advanced] mark_mask")
        }
    }

    private static let shownOverlaps = 4

    var guardFindings: [Finding] {
        var findings: [Finding] = []
        if !hasIPv6 { findings.append(.note(.ipv6, "this kernel's IPv6 is off: IPv4 alone is converted")) }
        if let strayGuardError, !isMereConsequence(strayGuardError.errno) {
            findings.append(
                .warning(
                    .strayGuard,
                    "running connections are reset when others flush Sluice's rules: their packets can't be kept here "
                        + "meanwhile (\(strayGuardError))",
                    mend: "modprobe -a nf_tables nft_socket nft_ct, or run a kernel of 5.12 or newer with them"))
        }
        return findings
    }

    var queueFindings: [Finding] {
        queueErrors.filter { !isMereConsequence($0.errno) }.map { .error(.queues, $0.problem, mend: $0.mend) }
    }

    func tunFindings(_ settings: Settings) -> [Finding] {
        guard let tunError, !isMereConsequence(tunError.errno) else { return [] }
        let name = settings.advanced.tun
        switch tunError.errno {
        case .noSuchFileOrDirectory, Errno(rawValue: ENODEV), Errno(rawValue: ENXIO):
            return [
                .error(
                    .tun, "there are no TUN devices: \(tunError)",
                    mend: "modprobe tun; in a container, hand it /dev/net/tun")
            ]
        case .resourceBusy, .invalidArgument, .fileExists:
            return [
                .error(
                    .tun, "the TUN device can't be made: there is an interface named \(name) already (\(tunError))",
                    mend: "remove it (ip link delete \(name)) or set [advanced] tun to a free name")
            ]
        default:
            return [
                .error(
                    .tun, "the TUN device \(name) can't be made: \(tunError)",
                    mend:
                        "let this process open /dev/net/tun and make devices: run as root; see the unit's DeviceAllow=")
            ]
        }
    }
}
