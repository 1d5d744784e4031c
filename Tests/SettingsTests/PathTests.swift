import Settings
import Testing
import Wire

/// The text of a path with these lines, which begin with its third.
func path(_ lines: String, name: String = "a") -> String { "[[path]]\nname = '\(name)'\n\(lines)\n" }

@Suite struct PathTests {
    private func read(_ lines: String) throws -> Settings.Path {
        try #require(Settings.parse(minimal + path(lines), file: "t").paths.first)
    }

    @Test func everyKeyReachesItsField() throws {
        let wired = try read("interface = 'lan1'\ncapacity = '90mbit'\ncost = 0\ncap = '50GB/month'")
        #expect(
            wired
                == .init(
                    name: "a", interface: "lan1", capacityDownload: BitRate(bitsPerSecond: 90_000_000),
                    capacityUpload: BitRate(bitsPerSecond: 90_000_000), cost: 0,
                    cap: .init(bytes: ByteCount(bytes: 50_000_000_000), period: .month)))
        let mobile = try read(
            "clients = ['10.1.0.0/16', '::1']\ncapacity_download = '30mbit'\ncapacity_upload = '8kbit'\ncost = 1000")
        #expect(
            mobile
                == .init(
                    name: "a", clients: [IPPrefix("10.1.0.0/16")!, IPPrefix("::1/128")!],
                    capacityDownload: BitRate(bitsPerSecond: 30_000_000), capacityUpload: BitRate(bitsPerSecond: 8000),
                    cost: 1000))
        #expect(try read("interface = 'x'\ncapacity_upload = '1mbit'").capacityDownload == nil)
        // Of clients alone it is known what they carry.
        for place in ["interface = 'x'", "clients = ['10.1.0.0/16']"] {
            let cap = try read("\(place)\nclient_cap = '5GB/week'").clientCap
            #expect(cap == .init(bytes: ByteCount(bytes: 5_000_000_000), period: .week))
        }
    }

    @Test func defaults() throws {
        let path = try read("interface = 'lan0'")
        #expect(path == .init(name: "a", interface: "lan0"))
        #expect(path.clients == [])
        #expect(path.capacityDownload == nil)
        #expect(path.capacityUpload == nil)
        #expect(path.cost == 1)
        #expect(path.cap == nil)
        #expect(path.clientCap == nil)
    }

    @Test(
        arguments: [
            ("1B/day", 1, .day), ("50GB/week", 50_000_000_000, .week), ("2GiB/month", 2 << 30, .month),
            ("1048576GiB/month", 1 << 50, .month),
        ] as [(String, Int, Settings.Path.VolumeCap.Period)])
    func caps(text: String, bytes: Int, period: Settings.Path.VolumeCap.Period) throws {
        let cap = try read("interface = 'x'\ncap = '\(text)'").cap
        #expect(cap == .init(bytes: ByteCount(bytes: bytes), period: period))
        #expect(cap?.description == text)
    }

    @Test func pathsKeepTheirOrder() throws {
        let text = path("interface = 'x'", name: "b") + path("clients = ['::/0']", name: "a")
        #expect(try Settings.parse(minimal + text, file: "t").paths.map(\.name) == ["b", "a"])
    }

    // MARK: - What is refused

    @Test(
        arguments: [
            ("interface", "''", "\"\" can't be an interface's name; give "),
            ("interface", "['x']", "an array is not expected here; give an interface's name"),
            ("clients", "[]", "the list is empty; give "),
            ("clients", "['10.1.0.0/8']", "\"10.1.0.0/8\" has bits beyond its length (10.0.0.0/8 hasn't); give "),
            ("capacity", "'0mbit'", "\"0mbit\" is no capacity; leave it out to have it learned"),
            ("capacity", "0", "0 is no capacity; leave it out"),
            ("capacity_download", "'0bit'", "\"0bit\" is no capacity; leave it out"),
            ("capacity_upload", "'0.0gbit'", "\"0.0gbit\" is no capacity; leave it out"),
            ("capacity", "90", "90 has no unit, which to tc means bit/s; give a rate from"),
            ("capacity", "'7kbit'", "\"7kbit\" is out of range; give a rate from \"8kbit\" to \"400gbit\""),
            ("capacity_upload", "'full'", "\"full\" is not a rate; give "),
            ("cost", "-1", "-1 is out of range; give an integer from 0 to 1000"),
            ("cost", "1001", "1001 is out of range; give an integer from 0 to 1000"),
            ("cost", "'1'", "\"1\" is a string; give "),
            ("cap", "'0GB/month'", "\"0GB/month\" would let it carry nothing; leave it out"),
            ("cap", "'0B'", "\"0B\" would let it carry nothing; leave it out"),
            ("cap", "'50GB'", "\"50GB\" has no period; give a size per day, week or month, such as \"50GB/month\""),
            ("cap", "'50GB/'", "\"50GB/\" is not a volume; give "),
            ("cap", "'50GB/year'", "\"50GB/year\" is not a volume; give "),
            ("cap", "'50GB/month/day'", "\"50GB/month/day\" is not a volume; give "),
            ("cap", "'50/month'", "\"50/month\" is not a volume; give "),
            ("cap", "'/month'", "\"/month\" is not a volume; give "), ("cap", "''", "\"\" is not a volume; give "),
            ("cap", "'1048577GiB/month'", "\"1048577GiB/month\" is out of range; give "),
            ("cap", "50", "50 is an integer; give "),
            ("client_cap", "'0B'", "\"0B\" would let it carry nothing; leave it out"),
            ("client_cap", "'5GB'", "\"5GB\" has no period; give a size per day, week or month"),
            ("client_cap", "'5GB/hour'", "\"5GB/hour\" is not a volume; give "),
            ("client_cap", "5", "5 is an integer; give "),
            ("clients_cap", "'5GB/day'", "unknown key; did you mean client_cap?"),
        ] as [(String, String, String)])
    func values(key: String, value: String, message expected: String) {
        let other = ["interface", "clients"].contains(key) ? "" : "\ninterface = 'x'"
        let text = message(minimal + path("\(key) = \(value)\(other)"))
        #expect(text?.hasPrefix("f:4: path.a.\(key): \(expected)") == true, "\(text ?? "taken")")
        #expect(text?.contains("\n") == false)
    }

    @Test func interfaceOrClients() {
        #expect(
            message(minimal + path("interface = 'x'\nclients = ['::/0']"))
                == "f:5: path.a.clients: together with interface; give one of the two")
        #expect(
            message(minimal + path(""))
                == "f:2: path.a: neither interface nor clients is given; give one of them, such as interface = \"lan0\""
        )
    }

    @Test func oneCapacityOrTwo() {
        let problem = "together with capacity; give capacity, or one for each direction"
        #expect(
            message(
                minimal
                    + path(
                        "interface = 'x'\ncapacity = '1mbit'\ncapacity_download = '1mbit'\ncapacity_upload = '1mbit'"))
                == "f:6: path.a.capacity_download: \(problem)\nf:7: path.a.capacity_upload: \(problem)")
    }

    @Test func names() {
        let mend = "give a name of 1 to 32 letters, digits, _, . and -, beginning with a letter or digit"
        #expect(message(minimal + "[[path]]\ninterface = 'x'") == "f:2: path.name: missing; \(mend)")
        #expect(
            message(minimal + path("interface = 'x'", name: "a b"))
                == "f:3: path.\"a b\".name: \"a b\" can't be a path's name; \(mend)")
    }

    @Test func conflicts() {
        #expect(
            message(minimal + path("interface = 'x'") + path("interface = 'x'"))
                == "f:6: path.a.name: an earlier path has this name as well; give each path a name of its own\n"
                + "f:7: path.a.interface: x is that of \"a\" as well; give each path an interface of its own, "
                + "or make one path of the two")
        #expect(
            message(
                minimal + path("clients = ['10.0.0.0/8', '::1']")
                    + path("clients = ['10.1.0.0/16', '11.0.0.0/8', '::/0']", name: "b"))
                == "f:7: path.b.clients: 10.1.0.0/16 overlaps 10.0.0.0/8 of \"a\"; give each path clients of its own\n"
                + "f:7: path.b.clients: ::/0 overlaps ::1/128 of \"a\"; give each path clients of its own")
        #expect(
            message(
                minimal + path("clients = ['10.0.0.0/16', '::/0']") + path("clients = ['10.1.0.0/16']", name: "b")
                    + path("interface = 'x'", name: "c")) == nil)
    }

    @Test func atMost16Paths() {
        let paths = { (count: Int) in
            (0..<count).map { path("interface = 'i\($0)'", name: "p\($0)") }.joined()
        }
        #expect(message(minimal + paths(16)) == nil)
        #expect(message(minimal + paths(18)) == "f:50: path.p16: more than 16 paths; remove some")
    }

    @Test func ownDevices() {
        let mend = "name the interface that the clients' packets come in by"
        #expect(
            message(minimal + path("interface = 'sluice0'"))
                == "f:4: path.a.interface: sluice0 is Sluice's own device (advanced.tun); \(mend)")
        #expect(
            message(minimal + path("interface = 'i'") + "[advanced]\nifb = 'i'")
                == "f:4: path.a.interface: i is Sluice's own device (advanced.ifb); \(mend)")
    }

    @Test func unknownKeysAndTables() {
        #expect(
            message(minimal + path("interface = 'x'\ncapacty = '1mbit'"))
                == "f:5: path.a.capacty: unknown key; did you mean capacity?")
        #expect(message(minimal + "[[pth]]") == "f:2: pth: unknown table; did you mean [[path]]?")
        #expect(
            message(minimal + "[path]\nname = 'a'")
                == "f:2: path: a table, not an array of tables; write [[path]] on a line of its own, for each of them, "
                + "and its keys below it")
    }

    @Test func aCapTakesAnInterface() {
        #expect(
            message(minimal + path("clients = ['10.0.0.0/8']\ncap = '5GB/day'"))?.contains(
                "cap: without interface: of client addresses not all is counted; "
                    + "give interface instead of clients, or remove it") == true)
    }
}
