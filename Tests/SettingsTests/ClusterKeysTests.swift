import Settings
import Testing
import Wire

/// `[cluster]`: what is read, and what is refused.
@Suite struct ClusterKeysTests {
    @Test(
        arguments: [
            ("redis://192.0.2.10:6379", .init(server: Endpoint("192.0.2.10:6379")!)),
            ("redis://192.0.2.10", .init(server: Endpoint("192.0.2.10:6379")!)),
            ("redis://192.0.2.10/", .init(server: Endpoint("192.0.2.10:6379")!)),
            ("redis://[2001:db8::1]/65535", .init(server: Endpoint("[2001:db8::1]:6379")!, database: 65535)),
            ("redis://[2001:db8::1]:1/2", .init(server: Endpoint("[2001:db8::1]:1")!, database: 2)),
            ("redis://:pw@192.0.2.10", .init(server: Endpoint("192.0.2.10:6379")!, password: "pw")),
            ("redis://u:p@q:r@192.0.2.10", .init(server: Endpoint("192.0.2.10:6379")!, user: "u", password: "p@q:r")),
            ("redis://:%2f%C3%A9@192.0.2.10", .init(server: Endpoint("192.0.2.10:6379")!, password: "/é")),
        ] as [(String, Settings.Cluster.Redis)])
    func servers(_ text: String, _ redis: Settings.Cluster.Redis) throws {
        let settings = try Settings.parse(minimal + "[cluster]\nid = 'a'\nredis = '\(text)'\n", file: "f")
        #expect(settings.cluster == .init(id: "a", redis: redis))
        #expect(redis.password.map { !redis.description.contains($0) } ?? true)
    }

    private static let expected =
        "give a server's address, such as \"redis://192.0.2.10:6379\" or \"redis://:PASSWORD@[2001:db8::1]:6379/0\""

    @Test(
        arguments: [
            ("7", "7 is an integer"), ("'192.0.2.10:6379'", "is no address of a Redis server"),
            ("'http://192.0.2.10'", "the scheme \"http\" is unknown"),
            ("'redis://'", "no address and port"), ("'redis://192.0.2.10:0'", "no address and port"),
            ("'redis://192.0.2.10:65536'", "no address and port"), ("'redis://192.0.2'", "no address and port"),
            ("'redis://[192.0.2.1]:1'", "no address and port"),
            ("'redis://2001:db8::1:1'", "a name instead of an address, which a join would wait for"),
            ("'redis://redis.lan:6379'", "a name instead of an address, which a join would wait for"),
            ("'redis://192.0.2.10/x'", "the database is no number from 0 to 65535"),
            ("'redis://192.0.2.10/65536'", "the database is no number from 0 to 65535"),
            ("'redis://192.0.2.10/+1'", "the database is no number from 0 to 65535"),
        ]
            + ["pw@", "u:@", "@", ":%zz@", ":%0@", ":%00@", ":%ff@"].map {
                (
                    "'redis://\($0)192.0.2.10'",
                    "what is before @ is not USER:PASSWORD or :PASSWORD, with %XX for other characters"
                )
            })
    func refusals(_ value: String, _ problem: String) {
        let text = minimal + "[cluster]\nid = 'a'\nredis = \(value)\n"
        #expect(message(text) == "f:4: cluster.redis: \(problem); \(Self.expected)")
    }

    @Test func encryption() {
        #expect(
            message(minimal + "[cluster]\nid = 'a'\nredis = 'rediss://192.0.2.10'\n") == """
                f:4: cluster.redis: TLS is not supported (hiredis 0.14 has none); give redis://…, and lead it through WireGuard or \
                stunnel if others could listen
                """)
    }

    @Test func whatGoesTogether() {
        #expect(
            message(minimal + "[cluster]\nid = 'a'\n") == """
                f:2: cluster.redis: missing, though id is given; \(Self.expected)
                """)
        #expect(
            message(minimal + "[cluster]\nredis = 'redis://192.0.2.10'\n") == """
                f:2: cluster.id: missing, though redis is given; give this box a name of its own, such as id = "box-1"
                """)
        #expect(
            message(minimal + "[cluster]\nid = 'a b'\nredis = 'redis://192.0.2.10'\ntoken_lifetime = '2s'\n") == """
                f:3: cluster.id: "a b" can't be a box's name; give a name of 1 to 32 letters, digits, _, . and -, beginning with a \
                letter or digit
                f:5: cluster.token_lifetime: "2s" is out of range; give a duration from "3s" to "24h" (ms, s, min, h)
                """)
    }

    @Test func aPasswordIsNotShownByAChange() throws {
        let settings = try ["one", "two"].map {
            try Settings.parse(
                minimal + "[cluster]\nid = 'a'\nredis = 'redis://:\($0)@192.0.2.\($0.count)/1'\n", file: "f")
        }
        let other = try Settings.parse(minimal + "[cluster]\nid = 'b'\nredis = 'redis://:x@192.0.2.9'\n", file: "f")
        #expect(
            settings[0].changes(to: other, started: settings[0]).map {
                "\($0.key): \($0.before ?? "-") > \($0.after ?? "-"), \($0.need)"
            } == [
                "cluster.id: a > b, upgrade",
                "cluster.redis: redis://192.0.2.3:6379/1 > redis://192.0.2.9:6379/0, upgrade",
            ])
    }

    private static let box = "[cluster]\nid = 'a'\nredis = 'redis://192.0.2.9'\ninterface = 'cl0'\n"

    @Test(
        arguments: [
            ("id = 'b'\naddresses = []", "8: peer.b.addresses: the list is empty"),
            ("id = 'b'", "6: peer.b.addresses: missing"),
            ("id = 'a'\naddresses = ['10.77.0.2']", "7: peer.a.id: is this box's own; list the other boxes alone"),
            (
                "id = 'b'\naddresses = ['10.77.0.2', '10.77.0.3']",
                "8: peer.b.addresses: \"10.77.0.3\" overlaps \"10.77.0.2\""
            ),
            ("id = 'b'\naddresses = ['box-2']", "8: peer.b.addresses: \"box-2\" is no address of one box"),
            ("id = 'b'\naddresses = ['224.0.0.1']", "8: peer.b.addresses: \"224.0.0.1\" is no address of one box"),
            ("id = 'b'\naddresses = ['::']", "8: peer.b.addresses: \"::\" is no address of one box"),
            (
                "id = 'b'\naddresses = ['10.77.0.2']\n[[peer]]\nid = 'b'\naddresses = ['10.77.0.3']",
                "10: peer.b.id: an earlier peer has this id as well; give each box an id of its own"
            ),
            (
                "id = 'b'\naddresses = ['10.77.0.2']\n[[peer]]\nid = 'c'\naddresses = ['fd77::2', '10.77.0.2']",
                "11: peer.c.addresses: 10.77.0.2 is that of \"b\" as well; give each peer its own address"
            ),
        ])
    func peers(_ text: String, _ words: String) {
        let message = message(minimal + Self.box + "[[peer]]\n" + text + "\n") ?? "nothing"
        #expect(message.hasPrefix("f:" + words), "\(message)")
        #expect(!message.contains("\n"), "\(message)")
    }

    @Test func peersAndTheRestOfTheFile() {
        let peer = "[[peer]]\nid = 'b'\naddresses = ['10.77.0.2']\n"
        #expect(message(minimal + Self.box + peer) == nil)
        #expect(
            message(minimal + peer) == "f:2: peer.b: there is no [cluster]; give [cluster] id and redis, or remove it")
        #expect(
            message(minimal + Self.box.replacing("interface = 'cl0'\n", with: "") + peer) == """
                f:2: cluster.interface: missing, though there are peers; give the interface that the other boxes are behind
                """)
        for (device, kind) in [
            ("lan0", "one of intercept.interfaces"), ("sluice0", "advanced.tun"), ("sluice1", "advanced.ifb"),
        ] {
            #expect(
                message(minimal + Self.box.replacing("cl0", with: device) + peer) == """
                    f:5: cluster.interface: \(device) is \(kind) as well; give the boxes a link of their own, a VLAN for example
                    """)
        }
        let narrow = message(minimal + Self.box + peer + "[advanced]\nupstream_ports = '4096-5195'\n")
        #expect(narrow == nil, "\(narrow ?? "")")
        let boxes = (0..<20).map { "[[peer]]\nid = 'b\($0)'\naddresses = ['10.77.1.\($0 + 1)']\n" }.joined()
        let few = message(minimal + Self.box + boxes + "[advanced]\nupstream_ports = '4096-5195'\n")
        #expect(few?.contains("upstream_ports has fewer than 64 ports for each of the boxes") == true, "\(few ?? "")")
        let many = (0..<64).map { "[[peer]]\nid = 'b\($0)'\naddresses = ['10.77.1.\($0 + 1)']\n" }.joined()
        #expect(message(minimal + Self.box + many)?.contains("peer.b63: more than 63 peers; remove some") == true)
    }
}
