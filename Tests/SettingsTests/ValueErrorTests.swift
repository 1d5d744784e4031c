import Settings
import Testing

/// What is refused as a value, key by key: `problem` is the message between the key and the mend.
@Suite struct ValueErrorTests {
    struct Case: CustomTestStringConvertible {
        let key: String
        let value: String
        let problem: String
        var testDescription: String { "\(key) = \(value)" }

        init(_ key: String, _ value: String, _ problem: String) {
            (self.key, self.value, self.problem) = (key, value, problem)
        }
    }

    private func problem(_ test: Case) -> String? {
        let interfaces = test.key == "intercept.interfaces" ? "" : minimal
        let line = test.key == "intercept.interfaces" ? 1 : 2
        guard let text = message(interfaces + "\(test.key) = \(test.value)") else { return nil }
        let prefix = "f:\(line): \(test.key): "
        #expect(text.hasPrefix(prefix))
        #expect(text.contains("; give "))
        #expect(!text.contains("\n"))
        return String(text.dropFirst(prefix.count).prefix { $0 != ";" })
    }

    @Test(arguments: [
        Case("intercept.interfaces", "[]", "the list is empty"),
        Case("intercept.interfaces", "'lan0'", "\"lan0\" is a string"),
        Case("intercept.interfaces", "['a', 'a']", "\"a\" stands twice"),
        Case("intercept.interfaces", "[1]", "1 is an integer"),
        Case("intercept.interfaces", "[['a']]", "an array is not expected here"),
        Case("intercept.interfaces", "['']", "\"\" can't be an interface's name"),
        Case("intercept.interfaces", "['sixteen_bytes_16']", "\"sixteen_bytes_16\" can't be an interface's name"),
        Case("intercept.interfaces", "['a b']", "\"a b\" can't be an interface's name"),
        Case("intercept.interfaces", "['a/b']", "\"a/b\" can't be an interface's name"),
        Case("intercept.interfaces", "['..']", "\"..\" can't be an interface's name"),
        Case("intercept.interfaces", "['eth+']", "\"eth+\" can't be an interface's name"),
        Case("intercept.interfaces", "['-i']", "\"-i\" can't be an interface's name"),
        Case("intercept.interfaces", "[\"a\\n\"]", "\"a\\n\" can't be an interface's name"),
        Case("intercept.ports", "[]", "the list is empty"),
        Case("intercept.ports", "80", "80 is an integer"),
        Case("intercept.ports", "[65536]", "65536 is out of range"),
        Case("intercept.ports", "[-1]", "-1 is out of range"),
        Case("intercept.ports", "['http']", "\"http\" is not a range of ports"),
        Case("intercept.ports", "['0-80']", "\"0-80\" is not a range of ports"),
        Case("intercept.ports", "['1-65536']", "\"1-65536\" is not a range of ports"),
        Case("intercept.ports", "['1-2-3']", "\"1-2-3\" is not a range of ports"),
        Case("intercept.ports", "['']", "\"\" is not a range of ports"),
        Case("intercept.ports", "['-']", "\"-\" is not a range of ports"),
        Case("intercept.ports", "['+5']", "\"+5\" is not a range of ports"),
        Case("intercept.ports", "[true]", "true is a boolean"),
        Case("intercept.ports", "[80, '70-90']", "\"70-90\" overlaps 80"),
        Case("intercept.clients", "[]", "the list is empty"),
        Case("intercept.clients", "['10.0.0.0/33']", "\"10.0.0.0/33\" is not a prefix"),
        Case("intercept.clients", "['::/129']", "\"::/129\" is not a prefix"),
        Case("intercept.clients", "['10.0.0/8']", "\"10.0.0/8\" is not a prefix"),
        Case("intercept.clients", "['10.1.0.0/8']", "\"10.1.0.0/8\" has bits beyond its length (10.0.0.0/8 hasn't)"),
        Case(
            "intercept.servers", "['2001:db8::1/32']",
            "\"2001:db8::1/32\" has bits beyond its length (2001:db8::/32 hasn't)"),
        Case("intercept.servers", "['::1', '0::1/128']", "\"0::1/128\" overlaps \"::1\""),
        Case("intercept.connect", "'Split'", "\"Split\" is unknown"),
        Case("intercept.inspect", "'handshake'", "\"handshake\" is reserved for a later version"),
        Case("intercept.inspect", "'none'", "\"none\" is unknown"),
    ])
    func intercept(test: Case) {
        #expect(problem(test) == test.problem)
    }

    @Test(arguments: [
        Case("relay.receive_buffer", "4095", "4095 is out of range"),
        Case("relay.receive_buffer", "-4096", "-4096 is out of range"),
        Case("relay.receive_buffer", "'2GiB'", "\"2GiB\" is out of range"),
        Case("relay.receive_buffer", "1.5", "1.5 is a floating-point number"),
        Case("relay.send_buffer", "'64KB'", "\"64KB\" is not a size"),
        Case("relay.send_buffer", "'1.5MiB'", "\"1.5MiB\" is not a size"),
        Case("relay.send_buffer", "'-1MiB'", "\"-1MiB\" is not a size"),
        Case("relay.send_buffer", "'99999999999999999GiB'", "\"99999999999999999GiB\" is not a size"),
        Case("relay.send_buffer", "'٣KiB'", "\"٣KiB\" is not a size"),
        Case("relay.congestion_control", "''", "\"\" can't be such a name"),
        Case("relay.congestion_control", "'sixteen_bytes_16'", "\"sixteen_bytes_16\" can't be such a name"),
        Case("relay.idle_timeout", "30", "30 has no unit"),
        Case("relay.idle_timeout", "'10ms'", "\"10ms\" is out of range"),
        Case("relay.idle_timeout", "'1m'", "\"1m\" is not a duration"),
        Case("relay.idle_timeout", "'30'", "\"30\" is not a duration"),
        Case("relay.workers", "0", "0 is out of range"),
        Case("relay.workers", "65", "65 is out of range"),
        Case("relay.workers", "'2'", "\"2\" is a string"),
        Case("relay.workers", "{ a = 1 }", "a table is not expected here"),
        Case("admin.control", "'control.sock'", "\"control.sock\" is not such a path"),
        Case("admin.control", "'/run/'", "\"/run/\" is not such a path"),
        Case("log.level", "'verbose'", "\"verbose\" is unknown"),
    ])
    func relayAdminLog(test: Case) {
        #expect(problem(test) == test.problem)
    }

    @Test(arguments: [
        "localhost:9470", "9470", ":9470", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
        "127.0.0.1:+80", "127.0.0.1:http", "::1:9470", "[::1]", "[127.0.0.1]:9470", "http://127.0.0.1:9470",
        "/run/http.sock", "",
    ])
    func endpoints(text: String) {
        let test = Case("admin.http", "'\(text)'", "\"\(text)\" is not an address and a port")
        #expect(problem(test) == test.problem)
    }

    @Test(arguments: [
        Case("admin.http", "9470", "9470 is an integer"),
        Case("trace.file", "'trace.pcapng'", "\"trace.pcapng\" is not such a path"),
        Case("trace.file", "'/var/log/'", "\"/var/log/\" is not such a path"),
        Case("trace.file", "true", "true is a boolean"),
        Case("trace.format", "'pcap'", "\"pcap\" is unknown"),
        Case("trace.rotate_size", "65535", "65535 is out of range"),
        Case("trace.rotate_size", "'1025GiB'", "\"1025GiB\" is out of range"),
        Case("trace.rotate_size", "'1MIB'", "\"1MIB\" is not a size"),
        Case("trace.rotate_count", "0", "0 is out of range"),
        Case("trace.rotate_count", "1001", "1001 is out of range"),
        Case("trace.filter", "['syn']", "an array is not expected here"),
    ])
    func traceAndHTTP(test: Case) {
        #expect(problem(test) == test.problem)
    }

    @Test func theLongestFilePath() {
        let longest = "/" + String(repeating: "a", count: 3999)
        #expect(message(minimal + "trace.file = '\(longest)'") == nil)
        #expect(message(minimal + "trace.file = '\(longest)a'")?.contains("is not such a path") == true)
    }

    @Test(arguments: [
        Case("advanced.queue_base", "65001", "65001 is out of range"),
        Case("advanced.data_queues", "17", "17 is out of range"),
        Case("advanced.mark_mask", "0x0ffe0000", "0xffe0000 is not such a mask"),
        Case("advanced.mark_mask", "0", "0x0 is not such a mask"),
        Case("advanced.mark_mask", "0x1fff0000", "0x1fff0000 is not such a mask"),
        Case("advanced.mark_mask", "0xfff00000000", "0xfff00000000 is not such a mask"),
        Case("advanced.route_table", "0", "0 is out of range"),
        Case("advanced.route_table", "254", "254 is one of the system's own tables"),
        Case("advanced.route_table", "252", "252 is followed by one of the system's own tables"),
        Case("advanced.route_table", "4294967295", "4294967295 is out of range"),
        Case("advanced.rule_priority", "32766", "32766 is out of range"),
        Case("advanced.listen_address", "'10.0.0.1'", "\"10.0.0.1\" is not in 127.0.0.0/8"),
        Case("advanced.listen_address", "'::1'", "\"::1\" is not in 127.0.0.0/8"),
        Case("advanced.listen_address", "'localhost'", "\"localhost\" is not an address"),
        Case("advanced.listen_address6", "'2001:db8::1'", "\"2001:db8::1\" is not in fc00::/7"),
        Case("advanced.listen_address6", "'127.0.0.1'", "\"127.0.0.1\" is not in fc00::/7"),
        Case("advanced.tun", "'tun%d'", "\"tun%d\" can't be an interface's name"),
        Case("advanced.ifb", "''", "\"\" can't be an interface's name"),
        Case("advanced.max_held", "0", "0 is out of range"),
        Case("advanced.max_held_per_client", "0", "0 is out of range"),
        Case("advanced.max_connections", "0", "0 is out of range"),
        Case("advanced.dial_timeout", "'9ms'", "\"9ms\" is out of range"),
        Case("advanced.dial_timeout", "'1s'", "\"1s\" is out of range"),
        Case("advanced.dial_timeout", "0", "0 is out of range"),
        Case("advanced.client_timeout", "'2h'", "\"2h\" is out of range"),
        Case("advanced.upstream_ports", "'4096-5094'", "\"4096-5094\" is too few ports"),
        Case("advanced.upstream_ports", "4096", "4096 is too few ports"),
        Case("advanced.listener_idle", "'9000h'", "\"9000h\" is out of range"),
        Case("advanced.server_memory", "'9999999h'", "\"9999999h\" is out of range"),
        Case("advanced.server_memory_entries", "10000001", "10000001 is out of range"),
        Case("advanced.drain_timeout", "'25h'", "\"25h\" is out of range"),
        Case("advanced.crash_grace", "'11min'", "\"11min\" is out of range"),
        Case("advanced.iptables", "'xtables'", "\"xtables\" is unknown"),
    ])
    func advanced(test: Case) {
        #expect(problem(test) == test.problem)
    }

    @Test func theLongestSocketPath() {
        let longest = "/" + String(repeating: "a", count: 106)
        #expect(message(minimal + "admin.control = '\(longest)'") == nil)
        #expect(message(minimal + "admin.control = '\(longest)a'")?.contains("is not such a path") == true)
    }

    @Test func mends() {
        let mend = { (line: String) in message(minimal + line)?.firstMatch(of: /; (give.*)/)?.1 }
        #expect(mend("relay.workers = 0") == "give an integer from 1 to 64")
        #expect(
            mend("relay.send_buffer = 0")
                == "give a size from \"4KiB\" to \"1GiB\" (B, kB, MB, GB, KiB, MiB, GiB; without a unit: bytes)"
        )
        #expect(
            mend("relay.idle_timeout = 1") == "give a duration from \"1s\" to \"8760h\" (ms, s, min, h), or 0 for off")
        #expect(mend("intercept.inspect = 'x'") == "give \"converted\", \"all\" or \"signalling\"")
        #expect(mend("advanced.iptables = 'x'") == "give \"auto\", \"nft\" or \"legacy\"")
    }
}
