// Check: is this machine able to run Sluice with these settings?
//
//     settings ──▶ MachineFacts.collect ──▶ MachineFacts ──▶ findings(for: settings)
//                  asks the kernel          plain values     judges; asks nobody
//
// Whatever can be tried is tried instead of guessed from versions and module lists: an MPTCP socket is opened, the
// queues are bound, the rules applied and a subflow shaped in namespaces that nobody uses. Nothing stays behind. Judging
// is apart so that every judgement is tested without a machine that has the fault.

import Admin
import Firewall
import LinuxSystem
import NetfilterQueue
import SystemPackage

/// What matters of the machine, as the process found it in its own network namespace.
struct MachineFacts: Sendable {
    /// Linux's capabilities by their numbers (linux/capability.h).
    enum Capability: Int, Sendable, CaseIterable {
        case netBindService = 10
        case netAdmin = 12
        case netRaw = 13
        case sysAdmin = 21
    }

    struct Interface: Sendable {
        var isUp: Bool
        /// net.ipv4.conf.NAME.rp_filter: 0 off, 1 strict, 2 loose; nil when there is none.
        var reversePathFilter: Int?
    }

    /// As `uname -r` prints it.
    var release: String
    var capabilities: Set<Capability>

    /// net.mptcp.enabled; nil when the kernel has no such sysctl.
    var multipathEnabled: String?
    /// Why an MPTCP socket can't be opened.
    var multipathSocketError: Errno?
    /// MPTCP_FULL_INFO is answered (Linux 6.5).
    var hasFullInfo: Bool
    /// mptcp_diag is there.
    var hasDiagnostics: Bool
    /// nil when the in-kernel path manager doesn't answer.
    var pathManagerLimits: PathManagerLimits?

    /// net.ipv4.ip_forward and net.ipv6.conf.all.forwarding; nil when the kernel lacks the family.
    var ipv4Forwarding: String?
    var ipv6Forwarding: String?
    var hasGlobalIPv6: Bool
    /// All that there are, by name.
    var interfaces: [String: Interface]
    /// net.ipv4.conf.all.rp_filter: an interface's own counts where it is larger.
    var reversePathFilter: Int
    /// net.ipv4.tcp_fwmark_accept
    var socketMarkIsInherited: Bool
    /// net.mptcp.checksum_enabled
    var requiresChecksums: Bool
    var hasConntrack: Bool
    /// net.netfilter.nf_conntrack_max: connections that the kernel keeps at a time; nil or 0 when there is no limit.
    var conntrackLimit: Int?

    /// The version of the daemon that answers on the control socket. Queues and TUN device are then its own.
    var daemonVersion: String?
    /// The kernel has IPv6 at all (it isn't off by ipv6.disable=1).
    var hasIPv6 = true
    /// What keeps running connections' packets here while rules are away can be had (StrayGuard).
    var strayGuardError: SystemError?
    /// Rules of the router's own that have to do with bits of the mask.
    var markOverlaps: [MarkOverlap] = []
    var rulesError: FirewallError?
    var queueErrors: [QueueError]
    var tunError: SystemError?
    /// What is wrong with the folder that the control socket belongs in.
    var controlFolderError: SystemError?
    /// Why nobody can listen where `[admin] http` says.
    var httpError: HTTPAddressError?
    /// Why the file of `[admin] http_token` can't be used.
    var httpTokenError: HTTPTokenError?
    /// What is wrong with the folder that `[trace] file` belongs in.
    var traceFolderError: SystemError?
    /// Why sessions can't be logged where `[sessions] log` says.
    var sessionLogError: SystemError?

    /// Why the directory of the cluster can't be used.
    var directoryError: String?
    /// Why subflows can't be led to other boxes.
    var peerRoutesError: SystemError?
    /// Why what servers send can't be led to other boxes.
    var wayBackError: SystemError?

    var throttling = Throttling()

    /// Does an MPTCP connection whose process dies end with MP_FASTCLOSE, as its socket asks for by SO_LINGER? nil when it
    /// could not be tried.
    var resetsOnClose: Bool?

    /// Why `[relay] congestion_control` can't be set on a socket.
    var congestionControlError: Errno?
    /// net.ipv4.tcp_available_congestion_control
    var congestionControls: String
    var descriptorLimit: Int
}
