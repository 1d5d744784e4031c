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
