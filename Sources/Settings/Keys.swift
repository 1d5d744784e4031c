// Every key: its name, its form and its field.

import Wire

extension Settings {
    /// Reads a TOML text; `file` is what messages call it.
    public static func parse(_ text: String, file: String) throws(SettingsError) -> Settings {
        let document = try Document(text, file: file)
        let settings = read(document)
        document.reportUnknown()
        try document.finish()
        return settings
    }

    /// The settings as far as they are right; the document keeps the findings.
    static func read(_ document: Document) -> Settings {
        var settings = Settings(intercept: Intercept(interfaces: []))
        settings.intercept.read(document.section("intercept"))
        settings.relay.read(document.section("relay"))
        settings.admin.read(document.section("admin"))
        settings.log.read(document.section("log"))
        settings.trace.read(document.section("trace"))
        settings.sessions.read(document.section("sessions"))
        let cluster = document.section("cluster")
        settings.cluster.read(cluster)
        let peers = document.entries("peer") { Peer($0) }
        settings.peers = peers.map(\.value)
        let paths = document.entries("path") { Path($0) }
        settings.paths = paths.map(\.value)
        let steers = document.entries("steer") { Steer($0, paths.declared) }
        settings.steers = steers.map(\.value)
        let throttles = document.entries("throttle") {
            Throttle($0, defaults: settings.intercept.interfaces, paths.declared)
        }
        settings.throttles = throttles.map(\.value)
        settings.advanced.read(document.section("advanced"))
        settings.checkDevices(document)
        settings.checkCluster(cluster, peers)
        peers.report { $0.conflicts(settings.cluster.id) }
        for path in paths { path.section.refuse([path.value.interface].compactMap(\.self), settings.advanced) }
        paths.report(\.conflicts)
        steers.reportNames(of: settings.throttles)
        steers.report(\.conflicts)
        for steer in steers { steer.value.checkWeightedPaths(steer.section, settings.paths) }
        for throttle in throttles {
            throttle.section.refuse(throttle.value.interfaces, settings.advanced)
            throttle.value.checkImplicitPath(throttle.section, settings.paths)
            throttle.value.checkConditionsPath(throttle.section, settings.paths)
        }
        throttles.report(\.conflicts)
        return settings
    }

    private func checkDevices(_ document: Document) {
        for (key, device, kind) in [("tun", advanced.tun, "TUN"), ("ifb", advanced.ifb, "IFB")] {
            let others = key == "ifb" && device == advanced.tun ? "advanced.tun" : nil
            guard let others = intercept.interfaces.contains(device) ? "one of intercept.interfaces" : others else {
                continue
            }
            document.report(
                ["advanced", key], "\(device) is \(others) as well", mend: "give the \(kind) device a name of its own")
        }
    }
}

extension Settings.Intercept {
    fileprivate mutating func read(_ section: Section) {
        section.require(&interfaces, "interfaces", .interfaceNames)
        section.read(&ports, "ports", .portRanges)
        section.read(&clients, "clients", .prefixes)
        section.read(&servers, "servers", .prefixes)
        section.read(&connect, "connect", .choice())
        section.read(&inspect, "inspect", .choice(reserved: ["handshake"]))
    }
}

extension Settings.Relay {
    fileprivate mutating func read(_ section: Section) {
        let buffer = Form.size(ByteCount(bytes: 4 << 10)...ByteCount(bytes: 1 << 30))
        section.read(&receiveBuffer, "receive_buffer", buffer)
        section.read(&sendBuffer, "send_buffer", buffer)
        section.read(&congestionControl, "congestion_control", .congestionControl)
        section.read(&idleTimeout, "idle_timeout", .durationOrOff(fromOneSecond))
        // What the kernel takes (include/net/tcp.h, MAX_TCP_KEEPIDLE).
        let keepalive = Form.durationOrOff(.seconds(1) ... .seconds(32767))
        section.read(&clientKeepalive, "client_keepalive", keepalive)
        section.read(&serverKeepalive, "server_keepalive", keepalive)
        section.read(&dscp, "dscp", .boolean)
        section.read(&workers, "workers", .integer(1...64))
    }
}

extension Settings.Admin {
    fileprivate mutating func read(_ section: Section) {
        section.read(&control, "control", .socketPath)
        section.read(&http, "http", .endpoint)
        section.read(&httpToken, "http_token", .filePath)
        section.read(&httpNames, "http_names", .hostNames)
        guard let http, httpToken == nil, !Self.own.contains(where: { $0.contains(http.address) }) else { return }
        section.report(
            "http", "\(http) can be reached by others, and no token is asked of them",
            mend: "listen on 127.0.0.1 or [::1], or name a file with a token: http_token = \"/etc/sluice/token\"")
    }

    /// What only this machine's own programs reach.
    private static let own = [IPPrefix("127.0.0.0/8")!, IPPrefix("::1/128")!]
}

extension Settings.Log {
    fileprivate mutating func read(_ section: Section) {
        section.read(&level, "level", .choice())
    }
}

extension Settings.Advanced {
    fileprivate mutating func read(_ section: Section) {
        section.read(&queueBase, "queue_base", .integer(0...65000))
        section.read(&dataQueues, "data_queues", .integer(1...16))
        section.read(&markMask, "mark_mask", .markMask)
        section.read(&socketGroup, "socket_group", .integer(1...4_294_967_290))
        section.read(&routeTable, "route_table", .routeTable)
        section.read(&rulePriority, "rule_priority", .integer(1...32762))
        section.read(
            &listenAddress, "listen_address",
            .address(in: IPPrefix("127.0.0.0/8")!, "an IPv4 address in 127.0.0.0/8, such as \"127.77.0.1\""))
        section.read(
            &listenAddress6, "listen_address6",
            .address(in: IPPrefix("fc00::/7")!, "an IPv6 unique local address, such as \"fd73:6c75:6963:6500::1\""))
        section.read(&tun, "tun", .interfaceName)
        section.read(&ifb, "ifb", .interfaceName)
        section.read(&stateDirectory, "state_directory", .folderPath)
        section.read(&maxHeld, "max_held", .count)
        section.read(&maxHeldPerClient, "max_held_per_client", .count)
        section.read(&maxConnections, "max_connections", .count)
        section.read(&dialTimeout, "dial_timeout", .duration(.milliseconds(10) ... .milliseconds(900)))
        section.read(&clientTimeout, "client_timeout", .duration(.milliseconds(100) ... .seconds(3600)))
        section.read(&upstreamPorts, "upstream_ports", .ports(atLeast: 1000))
        section.read(&listenerIdle, "listener_idle", .duration(.zero...fromOneSecond.upperBound))
        section.read(&serverMemory, "server_memory", .duration(fromOneSecond))
        section.read(&serverMemoryEntries, "server_memory_entries", .count)
        section.read(&maxTracked, "max_tracked", .integer(4...10_000_000))
        section.read(
            &drainTimeout, "drain_timeout", .duration(.milliseconds(1) ... .seconds(86400), zeroMeans: "no wait"))
        section.read(&crashGrace, "crash_grace", .duration(.seconds(1) ... .seconds(600), zeroMeans: "reset at once"))
        section.read(&iptables, "iptables", .choice())
    }
}

extension Form where Value == Int {
    /// A number of things, as many as could ever be meant.
    fileprivate static var count: Form { .integer(1...10_000_000) }
}

/// Up to a year.
private let fromOneSecond: ClosedRange<Duration> = .seconds(1) ... .seconds(365 * 86400)
