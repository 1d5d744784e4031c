import Admin
import Firewall
import Glibc
import LinuxSystem
import NetfilterQueue
import Settings
import SystemPackage
import Testing
import Wire

@testable import Middlebox

/// What `sluice check` makes of a machine: from facts alone, a good machine with one fault each.
@Suite struct CheckTests {
    static let good = MachineFacts(
        release: "7.3.1-amd64", capabilities: Set(MachineFacts.Capability.allCases), multipathEnabled: "1",
        multipathSocketError: nil, hasFullInfo: true, hasDiagnostics: true,
        pathManagerLimits: PathManagerLimits(subflows: 2), ipv4Forwarding: "1", ipv6Forwarding: "1",
        hasGlobalIPv6: true,
        interfaces: [
            "lan0": .init(isUp: true, reversePathFilter: 0), "wifi0": .init(isUp: true, reversePathFilter: 2),
        ],
        reversePathFilter: 0, socketMarkIsInherited: false, requiresChecksums: false, hasConntrack: true,
        daemonVersion: nil, rulesError: nil,
        queueErrors: [], tunError: nil, controlFolderError: nil, congestionControlError: nil,
        congestionControls: "reno cubic", descriptorLimit: 20000)

    static let settings = Settings(intercept: .init(interfaces: ["lan0", "wifi0"]))

    private func findings(
        _ settings: Settings = settings, _ change: (inout MachineFacts) -> Void = { _ in }
    ) -> [Finding] {
        var facts = Self.good
        change(&facts)
        return facts.findings(for: settings)
    }

    @Test func aGoodMachineHasNoFindings() {
        #expect(findings() == [])
        #expect([Finding]().summary == "sluice can run here")
    }

    @Test func marks() {
        let rule = MarkOverlap(place: "iptables mangle", rule: "-A PREROUTING -j CONNMARK --save-mark")
        expectOne(
            findings { $0.markOverlaps = [rule] }, .warning, .marks,
            "iptables mangle: `-A PREROUTING -j CONNMARK --save-mark` has to do with bits of Sluice's mark (0xfff0000)",
            mend: "/0xf000ffff")
        let many = findings { $0.markOverlaps = Array(repeating: rule, count: 9) }
        #expect(many.count == 4 && many.last?.message.hasSuffix("(and 5 more)") == true)
    }

    @Test func familiesAndGuard() {
        expectOne(findings { $0.hasIPv6 = false }, .note, .ipv6, "IPv4 alone is converted")
        expectOne(
            findings { $0.strayGuardError = SystemError("netlink order", .noSuchFileOrDirectory) }, .warning,
            .strayGuard, "running connections are reset when others flush", mend: "modprobe -a nf_tables")
    }

    @Test func kernel() {
        let old = findings {
            $0.hasFullInfo = false
            $0.release = "6.1.0-18-amd64"
        }
        expectOne(old, .error, .kernel, "Linux 6.1.0-18-amd64 is older than 6.5", mend: "6.5 or newer")
        let odd = findings { $0.hasFullInfo = false }
        expectOne(odd, .error, .kernel, "Linux 7.3.1-amd64 lacks MPTCP_FULL_INFO", mend: "6.5 or newer")
        #expect(findings { $0.release = "5.14.0-427.el9" } == [], "a backport is as good")
    }

    @Test(arguments: [
        ("6.18.34", false), ("6.18.35", true), ("6.18.45-1-amd64", true), ("6.18.46", false), ("6.19-rc1", true),
        ("7.1.9", true), ("7.1.10", false), ("7.2", false), ("6.12.9-amd64", false), ("strange", false),
    ])
    func memoryThatStaysAccountedFor(_ release: String, _ isAffected: Bool) {
        let found = findings { $0.release = release }
        guard isAffected else { return #expect(found == []) }
        expectOne(found, .note, .kernelFaults, "Linux \(release) may keep the memory")
    }

    @Test func aFaultOfThePathManagerConcernsWhoSteers() {
        let settings = Settings(
            intercept: Self.settings.intercept,
            throttles: [.init(name: "steer", interfaces: ["lan0"], action: .backup)])
        func notes(_ release: String) -> [Finding] {
            findings(settings) { $0.release = release }.filter { $0.check == .kernelFaults }
        }
        expectOne(notes("6.12.9-amd64"), .note, .kernelFaults, "mended in 7.2")
        #expect(notes("7.2.0") == [])
    }

    @Test func multipath() {
        let off = findings {
            $0.multipathEnabled = "0"
            $0.multipathSocketError = .protocolNotAvailable
            $0.hasFullInfo = false
        }
        expectOne(off, .error, .mptcp, "net.mptcp.enabled=0", mend: "sysctl -w net.mptcp.enabled=1")
        let orderly = findings { $0.resetsOnClose = false }
        expectOne(orderly, .warning, .mptcp, "looks complete to the client", mend: "fastclose msk")
        let without = findings {
            $0.release = "5.4.0"
            $0.multipathEnabled = nil
            $0.multipathSocketError = .protocolNotSupported
            $0.hasFullInfo = false
        }
        expectOne(without, .error, .mptcp, "older than 5.6", mend: "CONFIG_MPTCP=y")
        let refused = findings { $0.multipathSocketError = .permissionDenied }
        expectOne(refused, .error, .mptcp, "Permission denied", mend: "seccomp")
        expectOne(findings { $0.hasDiagnostics = false }, .error, .mptcp, "MP_JOIN", mend: "modprobe mptcp_diag")
    }

    @Test func pathManager() {
        let none = findings { $0.pathManagerLimits = PathManagerLimits(subflows: 0) }
        expectOne(none, .error, .pathManager, "every MP_JOIN is refused", mend: "ip mptcp limits set subflow 2")
        let links = Settings(intercept: .init(interfaces: ["lan0", "wifi0", "lan0", "wifi0"]))
        let few = findings(links)
        expectOne(few, .warning, .pathManager, "allows 3 subflows, for 4", mend: "ip mptcp limits set subflow 3")
        #expect(findings { $0.pathManagerLimits = PathManagerLimits(subflows: 1) } == [])
        #expect(findings { $0.pathManagerLimits = nil } == [])
    }

    @Test func capabilities() {
        let unprivileged = findings {
            $0.capabilities = [.netBindService]
            $0.queueErrors = [QueueError(queue: 7700, errno: .notPermitted)]
            $0.tunError = SystemError("TUNSETIFF sluice0", .notPermitted)
            $0.rulesError = FirewallError(command: "ip", message: "unshare: Operation not permitted", line: nil)
        }
        expectOne(
            unprivileged, .error, .capabilities, "CAP_NET_ADMIN", mend: "AmbientCapabilities=CAP_NET_ADMIN in the unit")
        let noRaw = findings {
            $0.capabilities.remove(.netRaw)
            $0.rulesError = FirewallError(command: "iptables-legacy-restore", message: "unable to", line: nil)
        }
        expectOne(noRaw, .error, .capabilities, "CAP_NET_RAW", mend: "AmbientCapabilities=CAP_NET_RAW")
        #expect(findings { $0.capabilities.remove(.netRaw) } == [], "iptables-nft does without")
        let noBind = findings { $0.capabilities.remove(.netBindService) }
        expectOne(noBind, .error, .capabilities, "CAP_NET_BIND_SERVICE", mend: "CAP_NET_BIND_SERVICE in the unit")
        let highPorts = Settings(intercept: .init(interfaces: ["lan0"], ports: [8000...8999]))
        #expect(findings(highPorts) { $0.capabilities.remove(.netBindService) } == [])
    }

    @Test func forwarding() {
        let off = findings { $0.ipv4Forwarding = "0" }
        expectOne(off, .error, .forwarding, "net.ipv4.ip_forward=0", mend: "sysctl -w net.ipv4.ip_forward=1")
        let key = "net.ipv6.conf.all.forwarding"
        expectOne(
            findings { $0.ipv6Forwarding = "0" }, .error, .forwarding, "\(key)=0", mend: "sysctl -w \(key)=1")
        let v4Only = findings {
            $0.ipv6Forwarding = "0"
            $0.hasGlobalIPv6 = false
        }
        expectOne(v4Only, .warning, .forwarding, "\(key)=0", mend: "where IPv6 is wanted, sysctl -w \(key)=1")
        #expect(findings { $0.ipv6Forwarding = nil } == [])
    }

    @Test func interfaces() {
        let one = findings { $0.interfaces["wifi0"] = nil }
        expectOne(one, .warning, .interfaces, "there is no wifi0", mend: "ip -br link")
        let all = findings { $0.interfaces = [:] }
        #expect(all.map(\.severity) == [.error, .error])
        #expect(all.summary == "2 errors")
        let down = findings { $0.interfaces["lan0"]?.isUp = false }
        expectOne(down, .warning, .interfaces, "lan0 is down", mend: "ip link set lan0 up")
    }

    /// The larger of the interface's own and that of all counts: 1 is strict, 2 loose.
    @Test func reversePathFilter() {
        let strict = findings { $0.interfaces["lan0"]?.reversePathFilter = 1 }
        expectOne(
            strict, .warning, .reversePathFilter, "strict on lan0", mend: "sysctl -w net.ipv4.conf.lan0.rp_filter=2")
        let all = findings { $0.reversePathFilter = 1 }
        expectOne(all, .warning, .reversePathFilter, "strict on lan0", mend: "net.ipv4.conf.lan0.rp_filter=2")
        #expect(
            findings {
                $0.reversePathFilter = 2
                $0.interfaces["lan0"]?.reversePathFilter = 1
            } == [])
        let vlan = findings(Settings(intercept: .init(interfaces: ["lan0.7"]))) {
            $0.interfaces["lan0.7"] = .init(isUp: true, reversePathFilter: 1)
        }
        expectOne(vlan, .warning, .reversePathFilter, "lan0.7", mend: "sysctl -w net/ipv4/conf/lan0.7/rp_filter=2")
    }

    @Test func inheritedMark() {
        let key = "net.ipv4.tcp_fwmark_accept"
        expectOne(
            findings { $0.socketMarkIsInherited = true }, .error, .socketMark, "\(key)=1", mend: "sysctl -w \(key)=0")
    }

    @Test func checksums() {
        let key = "net.mptcp.checksum_enabled"
        expectOne(
            findings { $0.requiresChecksums = true }, .warning, .checksums, "\(key)=1", mend: "sysctl -w \(key)=0")
    }

    @Test func conntrack() {
        expectOne(findings { $0.hasConntrack = false }, .error, .conntrack, "missing", mend: "modprobe nf_conntrack")
    }

    @Test func rules() {
        let missing = FirewallError(
            command: "iptables-nft-restore", message: "line 3: RULE_APPEND failed (No such file or directory)",
            line: "-A SLUICE_TAKE -j TPROXY")
        let refused = findings { $0.rulesError = missing }
        expectOne(refused, .error, .rules, "-A SLUICE_TAKE -j TPROXY", mend: "modprobe -a xt_TPROXY xt_NFQUEUE")
        let absent = FirewallError(command: "iptables --version", message: "iptables not found in PATH", line: nil)
        expectOne(findings { $0.rulesError = absent }, .error, .rules, "not found in PATH", mend: "install it")
        let behind = FirewallError(
            command: "iptables --version", message: "unshare: failed to execute iptables: No such file or directory",
            line: nil)
        expectOne(findings { $0.rulesError = behind }, .error, .rules, "failed to execute", mend: "install it")
        let untried = findings {
            $0.capabilities.remove(.sysAdmin)
            $0.rulesError = FirewallError(command: "ip", message: "unshare: Operation not permitted", line: nil)
        }
        expectOne(untried, .warning, .rules, "CAP_SYS_ADMIN", mend: "as root")
    }

    @Test func queues() {
        let taken = findings { $0.queueErrors = [QueueError(queue: 7701, errno: .resourceBusy)] }
        expectOne(taken, .error, .queues, "NFQUEUE 7701 has another reader", mend: "[advanced] queue_base")
        let absent = findings { $0.queueErrors = [QueueError(queue: 7700, errno: .invalidArgument)] }
        expectOne(absent, .error, .queues, "NFQUEUE 7700", mend: "modprobe nfnetlink_queue")
    }

    @Test func tun() {
        let absent = findings { $0.tunError = SystemError("open /dev/net/tun", .noSuchFileOrDirectory) }
        expectOne(absent, .error, .tun, "open /dev/net/tun", mend: "modprobe tun")
        let taken = findings { $0.tunError = SystemError("TUNSETIFF sluice0", .invalidArgument) }
        expectOne(taken, .error, .tun, "an interface named sluice0", mend: "[advanced] tun")
        let forbidden = findings { $0.tunError = SystemError("open /dev/net/tun", .notPermitted) }
        expectOne(forbidden, .error, .tun, "can't be made", mend: "DeviceAllow=")
    }

    @Test func congestionControl() {
        var settings = Self.settings
        settings.relay.congestionControl = "bbr"
        #expect(findings(settings) == [])
        let absent = findings(settings) { $0.congestionControlError = .noSuchFileOrDirectory }
        expectOne(
            absent, .error, .congestionControl, "congestion_control = \"bbr\"",
            mend: "modprobe tcp_bbr, or name one of: reno cubic")
    }

    @Test func conntrackRoom() {
        expectOne(
            findings { $0.conntrackLimit = 2999 }, .warning, .conntrack, "2999 allows 999 connections",
            mend: "nf_conntrack_max=3000")
        #expect(findings { $0.conntrackLimit = 3000 } == [])
        #expect(findings { $0.conntrackLimit = 0 } == [])
        var settings = Self.settings
        settings.advanced.maxConnections = 8000
        let wanted = findings(settings) { $0.conntrackLimit = 16384 }
        expectOne(wanted, .warning, .conntrack, "max_connections = 8000", mend: "nf_conntrack_max=24000")
        // The descriptors don't allow more.
        #expect(
            findings(settings) {
                $0.conntrackLimit = 16384
                $0.descriptorLimit = 12000
            }.count { $0.check == .conntrack } == 1)
    }

    @Test func descriptors() {
        let low = findings { $0.descriptorLimit = 1024 }
        expectOne(low, .warning, .descriptors, "1024 open descriptors allows 384 connections", mend: "LimitNOFILE=")
        var settings = Self.settings
        settings.advanced.maxConnections = 100
        #expect(findings(settings) { $0.descriptorLimit = 1024 } == [])
        settings.advanced.maxConnections = 10000
        let wanted = findings(settings)
        expectOne(wanted, .warning, .descriptors, "max_connections = 10000", mend: "ulimit -Hn")
    }

    @Test func ports() {
        var settings = Self.settings
        settings.advanced.upstreamPorts = 20000...32768
        expectOne(findings(settings), .warning, .ports, "upstream_ports", mend: "below 32768")
        #expect(findings(settings).summary == "1 warning, sluice can run here")
    }

    @Test func control() {
        let folder = findings { $0.controlFolderError = SystemError("/run", .permissionDenied) }
        expectOne(folder, .error, .control, "/run: Permission denied", mend: "[admin] control")
        let running = findings { $0.daemonVersion = "0.1.0" }
        #expect(running.map(\.severity) == [.note])
        #expect(running.first?.message.contains("sluice 0.1.0 is running") == true)
        #expect(!running.forbidRunning)
        #expect(running.summary == "sluice can run here")
    }

    @Test func http() {
        let address = HTTPAddress(host: "::1", port: 9470)
        let taken = findings { $0.httpError = HTTPAddressError(address, errno: EADDRINUSE) }
        expectOne(
            taken, .error, .http, "[admin] http: can't listen on [::1]:9470: Address already in use",
            mend: "another port")
        let foreign = findings { $0.httpError = HTTPAddressError(address, errno: EADDRNOTAVAIL) }
        expectOne(foreign, .error, .http, "Cannot assign", mend: "ip -br address")
    }

    @Test func trace() {
        var settings = Self.settings
        settings.trace.file = "/var/log/sluice/trace.pcapng"
        #expect(findings(settings).isEmpty)
        let folder = findings(settings) { $0.traceFolderError = SystemError("/var/log/sluice", .noSuchFileOrDirectory) }
        expectOne(folder, .warning, .trace, "/var/log/sluice: No such file", mend: "make the folder")
        #expect(!folder.forbidRunning)
    }

    @Test(
        arguments: [
            (.journal, "the journal", "start it"), (.file("/var/log/s"), "/var/log/s", "make the folder"),
            (.ipfix(host: "::1", port: 7), "ipfix://[::1]:7", "start the collector"),
        ] as [(Settings.Sessions.Log, String, String)])
    func sessions(_ log: Settings.Sessions.Log, _ place: String, _ mend: String) {
        var settings = Self.settings
        settings.sessions.log = log
        #expect(findings(settings).isEmpty)
        let fault = findings(settings) { $0.sessionLogError = SystemError("it", .connectionRefused) }
        expectOne(
            fault, .warning, .sessions, "[sessions] log: sessions can't be logged to \(place): it: Connection refused",
            mend: mend)
        #expect(!fault.forbidRunning)
    }

    @Test func clusters() {
        var settings = Self.settings
        settings.cluster = .init(
            id: "a", redis: .init(server: Endpoint("192.0.2.1:6379")!, password: "secret"), interface: "cl0")
        #expect(findings(settings).isEmpty)
        expectOne(
            findings(settings) { $0.directoryError = "Connection refused" }, .warning, .cluster,
            "[cluster] redis: redis://192.0.2.1:6379/0 can't be used: Connection refused", mend: "joins")
        settings.peers = [.init(id: "b", addresses: [IPAddress("192.0.2.2")!])]
        expectOne(findings(settings), .warning, .cluster, "[cluster] interface: there is no cl0", mend: "ip -br link")
        let link = MachineFacts.Interface(isUp: true, reversePathFilter: 0)
        #expect(findings(settings) { $0.interfaces["cl0"] = link }.isEmpty)
        let error = findings(settings) {
            $0.interfaces["cl0"] = link
            $0.peerRoutesError = SystemError("it", .invalidArgument)
        }
        expectOne(error, .error, .cluster, "nft_fwd_netdev", mend: "[[peer]]")
        let oneWay = findings(settings) {
            $0.interfaces["cl0"] = link
            $0.wayBackError = SystemError("it", .invalidArgument)
        }
        expectOne(oneWay, .warning, .cluster, "what servers send", mend: "nft_dup_ipv4 nft_dup_ipv6")
        let strict = findings(settings) {
            $0.interfaces["cl0"] = link
            $0.interfaces["cl0"]?.reversePathFilter = 1
        }
        expectOne(strict, .warning, .reversePathFilter, "strict on cl0", mend: "net.ipv4.conf.cl0.rp_filter=2")
    }

    @Test func aFindingIsOneLineWithItsMend() {
        #expect(Finding.warning(.tun, "this", mend: "that").description == "warning: this; that")
        #expect(Finding.note(.tun, "this").description == "note: this")
    }
}

/// Exactly one finding, of this severity and about this, whose message and mend contain these; without a mend, none.
func expectOne(
    _ findings: [Finding], _ severity: Finding.Severity, _ check: Finding.Check, _ message: String, mend: String? = nil,
    _ location: SourceLocation = #_sourceLocation
) {
    let all = "\(findings)"
    #expect(findings.count == 1, "\(all)", sourceLocation: location)
    #expect(findings.first?.severity == severity, "\(all)", sourceLocation: location)
    #expect(findings.first?.check == check, "\(all)", sourceLocation: location)
    #expect(findings.first?.message.contains(message) == true, "\(all)", sourceLocation: location)
    #expect(
        findings.first.map { mend.map($0.mend.contains) ?? $0.mend.isEmpty } == true, "\(all)", sourceLocation: location
    )
}
