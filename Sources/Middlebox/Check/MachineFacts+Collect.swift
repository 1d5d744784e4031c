import Admin
import Cluster
import Firewall
import Glibc
import LinuxSystem
import NetfilterQueue
import SessionLog
import Settings
import SystemPackage
import Wire

extension Middlebox {
    /// What speaks against running with these settings here, or for running otherwise. Throws when the settings
    /// can't be used on any machine.
    public static func check(_ settings: Settings) async throws -> [Finding] {
        try await MachineFacts.collect(settings).findings(for: settings)
    }
}

extension MachineFacts {
    static func collect(_ settings: Settings) async throws -> MachineFacts {
        let rules = try RuleSetting(settings)
        let daemon = try? await ControlClient(path: settings.admin.control).status()
        let interfaces = (try? NetworkInterface.list()) ?? [:]
        // Before conntrack is looked for: applying the rules loads it.
        let rulesError = await tryRules(rules)
        let multipath = tryMultipath()
        let peerFaults = tryPeerRoutes(settings)
        return MachineFacts(
            release: sysctl("kernel.osrelease") ?? "",
            capabilities: Set(Capability.allCases.filter { ProcessRights.hasCapability($0.rawValue) }),
            multipathEnabled: sysctl("net.mptcp.enabled"), multipathSocketError: multipath.socketError,
            hasFullInfo: multipath.hasFullInfo,
            hasDiagnostics: (try? SocketDiagnostics().knowsMultipath()) ?? false,
            pathManagerLimits: try? PathManagerLimits.read(), ipv4Forwarding: sysctl("net.ipv4.ip_forward"),
            ipv6Forwarding: sysctl("net.ipv6.conf.all.forwarding"),
            hasGlobalIPv6: interfaces.values.contains { $0.hasGlobalIPv6 },
            interfaces: Dictionary(uniqueKeysWithValues: interfaces.map { ($0.key, Interface($0.key, $0.value)) }),
            reversePathFilter: reversePathFilter("all") ?? 0,
            socketMarkIsInherited: sysctl("net.ipv4.tcp_fwmark_accept") == "1",
            requiresChecksums: sysctl("net.mptcp.checksum_enabled") == "1",
            hasConntrack: sysctl("net.netfilter.nf_conntrack_max") != nil,
            conntrackLimit: sysctl("net.netfilter.nf_conntrack_max").flatMap { Int($0) },
            daemonVersion: daemon?.version,
            hasIPv6: await Firewall.hasIPv6(), strayGuardError: tryStrayGuard(rules),
            markOverlaps: await Firewall.overlaps(with: rules.mark), rulesError: rulesError,
            queueErrors: daemon == nil ? tryQueues(rules, settings) : [],
            tunError: daemon == nil ? tryTun(rules.tun) : nil,
            controlFolderError: controlFolderError(settings.admin.control),
            httpError: daemon == nil ? settings.admin.http.flatMap(tryListening) : nil,
            httpTokenError: httpTokenError(settings.admin),
            traceFolderError: settings.trace.file.flatMap { folderError(parent(of: $0)) },
            sessionLogError: SessionTarget(settings.sessions)?.check(),
            directoryError: await directoryError(settings), peerRoutesError: peerFaults.lead,
            wayBackError: peerFaults.wayBack,
            throttling: await .collect(settings),
            resetsOnClose: tryResetOnClose(),
            congestionControlError: tryCongestionControl(settings.relay.congestionControl),
            congestionControls: sysctl("net.ipv4.tcp_available_congestion_control") ?? "",
            descriptorLimit: ProcessRights.raiseDescriptorLimit())
    }

    static func sysctl(_ name: String) -> String? { try? Sysctl.read(name) }

    fileprivate static func reversePathFilter(_ interface: String) -> Int? {
        sysctl("net/ipv4/conf/\(interface)/rp_filter").flatMap { Int($0) }
    }

    private static func tryRules(_ rules: RuleSetting) async -> FirewallError? {
        do throws(FirewallError) {
            try await Firewall.tryOut(rules)
            return nil
        } catch {
            return error
        }
    }

    private static func directoryError(_ settings: Settings) async -> String? {
        guard let setting = ClusterSetting(settings) else { return nil }
        return await Cluster.probe(setting.redis)
    }

    /// In a namespace of its own.
    private static func tryPeerRoutes(_ settings: Settings) -> (lead: SystemError?, wayBack: SystemError?) {
        guard !settings.peers.isEmpty else { return (nil, nil) }
        let faults = try? NetworkNamespace.runInNew { () -> (lead: SystemError?, wayBack: SystemError?) in
            do throws(SystemError) {
                let peer = PeerRoutes.Peer(
                    ipv4: IPAddress("192.0.2.1"), ipv6: IPAddress("2001:db8::1"), ports: 4096...5000)
                let routes = try PeerRoutes(link: "lo", peers: [peer, peer], clients: ["lo"])
                routes.note(gone: [1])
                try routes.refresh()
                return (nil, routes.wayBackFault)
            } catch {
                return (error, nil)
            }
        }
        return faults ?? (nil, nil)
    }

    /// In a namespace of its own; what can't be tried is taken to be good.
    private static func tryStrayGuard(_ rules: RuleSetting) -> SystemError? {
        let mark = rules.mark
        return try? NetworkNamespace.runInNew {
            do throws(SystemError) {
                _ = try StrayGuard(mark)
                return nil
            } catch {
                return error
            }
        }
    }

    /// With the options that the daemon binds them with. Where rules stand without a daemon, a packet in the
    /// microseconds until the queue is let go again would be lost.
    private static func tryQueues(_ rules: RuleSetting, _ settings: Settings) -> [QueueError] {
        let data = (rules.dataQueues + [rules.acknowledgementQueue]).map { ($0, PacketQueue.Options.data()) }
        let syns = rules.synQueues.map { ($0, PacketQueue.Options.syn(held: settings.advanced.maxHeld)) }
        return (syns + data).compactMap { number, options in
            do throws(QueueError) {
                _ = try PacketQueue(number, options)
                return nil
            } catch {
                return error
            }
        }
    }

    private static func tryTun(_ name: String) -> SystemError? {
        do throws(SystemError) {
            _ = try TunDevice(name)
            return nil
        } catch {
            return error
        }
    }

    private static func tryListening(_ endpoint: Endpoint) -> HTTPAddressError? {
        do throws(SystemError) {
            let socket = try StreamSocket.open(.tcp, for: endpoint.address)
            // As the server does: what has ended just now is no obstacle.
            try socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
            try socket.bind(to: endpoint)
            try socket.listen(backlog: 1)
            return nil
        } catch {
            return HTTPAddressError(HTTPAddress(endpoint), errno: error.errno.rawValue)
        }
    }

    private static func httpTokenError(_ admin: Settings.Admin) -> HTTPTokenError? {
        do throws(HTTPTokenError) {
            _ = try HTTPSetting(admin)
            return nil
        } catch {
            return error
        }
    }

    private static func tryMultipath() -> (socketError: Errno?, hasFullInfo: Bool) {
        do {
            let socket = try StreamSocket.open(.mptcp, for: loopback)
            return (nil, socket.multipathInfo != nil)
        } catch {
            return (error.errno, false)
        }
    }

    /// By a connection on loopback, which is waited for at most a second.
    private static func tryResetOnClose() -> Bool? {
        let nobody = Endpoint(address: loopback, port: 0)
        guard let listener = try? StreamSocket.open(.mptcp, for: loopback),
            (try? listener.bind(to: nobody)) != nil,
            (try? listener.listen(backlog: 1)) != nil,
            let address = listener.localEndpoint,
            let client = try? StreamSocket.open(.mptcp, for: loopback),
            (try? client.connect(to: address)) != nil, isReadable(listener.rawValue),
            let accepted = try? StreamSocket.accept(listener.rawValue).take(),
            (try? accepted.setResetOnClose(true)) != nil,
            // Without MPTCP on both ends it would say nothing.
            accepted.multipathToken != nil
        else { return nil }
        _ = consume accepted
        guard isReadable(client.rawValue) else { return nil }
        var byte: UInt8 = 0
        return switch systemCallResult({ recv(client.rawValue, &byte, 1, 0) }) {
        case .success(0): false
        case .failure(.connectionReset): true
        default: nil
        }
    }

    private static func isReadable(_ descriptor: Int32) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wanted, 1, 1000) == 1
    }

    /// Loads its module, as it will for the daemon. On a TCP socket: an MPTCP socket without subflows takes any name.
    private static func tryCongestionControl(_ name: String?) -> Errno? {
        guard let name else { return nil }
        do {
            let socket = try StreamSocket.open(.tcp, for: loopback)
            try socket.setCongestionControl(name)
            return nil
        } catch {
            return error.errno
        }
    }

    /// For sockets that never bind nor connect.
    private static let loopback = IPAddress("127.0.0.1")!

    /// The daemon makes what is missing of the folder, so the nearest one that exists counts.
    private static func controlFolderError(_ path: String) -> SystemError? {
        var folder = parent(of: path)
        while !folder.isEmpty && access(folder, F_OK) != 0 { folder = parent(of: folder) }
        return folderError(folder)
    }

    private static func parent(of path: String) -> String {
        String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }

    /// Why files can't be made there.
    private static func folderError(_ folder: String) -> SystemError? {
        do {
            // With the slash, what isn't a folder is refused.
            try systemCall(folder.isEmpty ? "/" : folder) { access(folder + "/", W_OK | X_OK) }
            return nil
        } catch {
            return error
        }
    }
}

extension MachineFacts.Interface {
    fileprivate init(_ name: String, _ state: NetworkInterface.State) {
        self.init(isUp: state.isUp, reversePathFilter: MachineFacts.reversePathFilter(name))
    }
}
