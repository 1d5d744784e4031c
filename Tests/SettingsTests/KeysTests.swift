import Settings
import Testing
import TraceOutput
import Wire

/// Every key reaches its own field and no other.
@Suite struct KeysTests {
    @Test func everyKeyReachesItsField() throws {
        let settings = try Settings.parse(everyKey, file: "t")
        let prefixes = { (texts: [String]) in texts.map { IPPrefix($0)! } }
        let expected = Settings(
            intercept: .init(
                interfaces: ["lan0", "wifi0"], ports: [80...80, 443...443, 8000...8999],
                clients: prefixes(["10.1.0.0/16", "2001:db8::/32"]), servers: prefixes(["10.9.0.2/32", "::1/128"]),
                connect: .split, inspect: .all),
            relay: .init(
                receiveBuffer: ByteCount(bytes: 720 * 1024), sendBuffer: ByteCount(bytes: 64000),
                congestionControl: "cubic", idleTimeout: .seconds(3600), workers: 3),
            admin: .init(
                control: "/tmp/c.sock", http: Endpoint("[2001:db8::1]:9470")!, httpToken: "/tmp/token",
                httpNames: ["router.lan", "a_b"]),
            log: .init(level: .critical),
            trace: .init(
                file: "/tmp/t.json", format: .json, rotateSize: ByteCount(bytes: 64 << 10), rotateCount: 1,
                filter: try TraceFilter("syn or held")),
            sessions: .init(
                log: .ipfix(host: "::1", port: 4739), rotateSize: ByteCount(bytes: 65 << 10), rotateCount: 3),
            cluster: .init(
                id: "box-1",
                redis: .init(server: Endpoint("[2001:db8::9]:7000")!, user: "me", password: "p@ss:word", database: 3),
                interface: "cl0", lookupTimeout: .milliseconds(30), tokenLifetime: .seconds(9)),
            peers: [.init(id: "box-2", addresses: [IPAddress("10.77.0.2")!, IPAddress("fd77::2")!])],
            advanced: .init(
                queueBase: 100, dataQueues: 4, markMask: 0xfff, routeTable: 4_294_967_294, rulePriority: 32762,
                listenAddress: IPAddress("127.1.2.3")!, listenAddress6: IPAddress("fc00::7")!, tun: "tun7",
                ifb: "ifb7", stateDirectory: "/srv/state", maxHeld: 10, maxHeldPerClient: 2, maxConnections: 1000,
                dialTimeout: .milliseconds(900),
                clientTimeout: .seconds(7), upstreamPorts: 2000...2999, listenerIdle: .seconds(8),
                serverMemory: .seconds(120), serverMemoryEntries: 11, maxTracked: 12, drainTimeout: .zero,
                crashGrace: .seconds(13),
                iptables: .legacy))
        #expect(settings == expected)
    }

    private let everyKey = """
        [intercept]
        interfaces = ["lan0", "wifi0"]
        ports = [80, "443", "8000-8999"]
        clients = ["10.1.0.0/16", "2001:db8::/32"]
        servers = ["10.9.0.2", "::1"]
        connect = "split"
        inspect = "all"
        [relay]
        receive_buffer = "720KiB"
        send_buffer = "64kB"
        congestion_control = "cubic"
        idle_timeout = "1h"
        workers = 3
        [admin]
        control = "/tmp/c.sock"
        http = "[2001:db8::1]:9470"
        http_token = "/tmp/token"
        http_names = ["router.lan", "a_b"]
        [log]
        level = "critical"
        [trace]
        file = "/tmp/t.json"
        format = "json"
        rotate_size = "64KiB"
        rotate_count = 1
        filter = "syn or held"
        [sessions]
        log = "ipfix://[::1]:4739"
        rotate_size = "65KiB"
        rotate_count = 3
        [cluster]
        id = "box-1"
        redis = "redis://me:p%40ss:word@[2001:db8::9]:7000/3"
        interface = "cl0"
        lookup_timeout = "30ms"
        token_lifetime = "9s"
        [[peer]]
        id = "box-2"
        addresses = ["10.77.0.2", "fd77::2"]
        [advanced]
        queue_base = 100
        data_queues = 4
        mark_mask = 0xfff
        route_table = 4294967294
        rule_priority = 32762
        listen_address = "127.1.2.3"
        listen_address6 = "fc00::7"
        tun = "tun7"
        ifb = "ifb7"
        state_directory = "/srv/state"
        max_held = 10
        max_held_per_client = 2
        max_connections = 1000
        dial_timeout = "900ms"
        client_timeout = "7s"
        upstream_ports = "2000-2999"
        listener_idle = "8s"
        server_memory = "2min"
        server_memory_entries = 11
        max_tracked = 12
        drain_timeout = 0
        crash_grace = "13s"
        iptables = "legacy"
        """

    @Test(arguments: [
        ("4096", 4096), ("\"4096\"", nil), ("\"4096B\"", 4096), ("\"5kB\"", 5000), ("\"1MB\"", 1_000_000),
        ("\"1GB\"", 1_000_000_000), ("\"4KiB\"", 4096), ("\"2MiB\"", 2 << 20), ("\"1GiB\"", 1 << 30),
    ])
    func sizes(text: String, bytes: Int?) {
        let settings = try? Settings.parse(minimal + "[relay]\nsend_buffer = \(text)\n", file: "t")
        #expect(settings?.relay.sendBuffer == bytes.map { ByteCount(bytes: $0) })
    }

    @Test(
        arguments: [
            ("\"1000ms\"", .seconds(1)), ("\"2s\"", .seconds(2)), ("\"10min\"", .seconds(600)),
            ("\"1h\"", .seconds(3600)),
            ("0", nil), ("\"0\"", nil), ("\"0s\"", nil),
        ] as [(String, Duration?)])
    func durations(text: String, duration: Duration?) throws {
        let settings = try Settings.parse(minimal + "[relay]\nidle_timeout = \(text)\n", file: "t")
        #expect(settings.relay.idleTimeout == duration)
    }

    @Test(arguments: ["127.0.0.1:9470", "0.0.0.0:1", "10.1.0.1:65535", "[::1]:9470", "[2001:db8::1]:80"])
    func endpoints(text: String) throws {
        let settings = try Settings.parse(minimal + "[admin]\nhttp = '\(text)'\nhttp_token = '/t'\n", file: "t")
        #expect(settings.admin.http == Endpoint(text))
        #expect(settings.admin.http?.description == text)
    }

    @Test(arguments: Settings.Log.Level.allCases)
    func levels(level: Settings.Log.Level) throws {
        #expect(try Settings.parse(minimal + "[log]\nlevel = \"\(level.rawValue)\"", file: "t").log.level == level)
    }

    @Test(arguments: ["a", "eth0.100", "br-lan", "wan@1", "fifteen_bytes_1"])
    func interfaceNames(name: String) throws {
        let settings = try Settings.parse("intercept.interfaces = ['\(name)']", file: "t")
        #expect(settings.intercept.interfaces == [name])
    }
}

/// The shortest text that is right.
let minimal = "intercept.interfaces = ['lan0']\n"
