// The keys of `[cluster]` and `[[peer]]`.

import Wire

extension Settings.Cluster {
    mutating func read(_ section: Section) {
        section.read(&id, "id", .boxName)
        section.read(&redis, "redis", .redis)
        section.read(&interface, "interface", .interfaceName)
        section.read(&lookupTimeout, "lookup_timeout", .duration(.milliseconds(1) ... .milliseconds(500)))
        section.read(&tokenLifetime, "token_lifetime", .duration(.seconds(3) ... .seconds(86400)))
        for (key, other, mend) in [
            ("id", "redis", "give \(Form<Redis>.redis.expected)"),
            ("redis", "id", "give this box a name of its own, such as id = \"box-1\""),
        ] where section.has(key) && !section.has(other) {
            section.report(other, "missing, though \(key) is given", mend: mend)
        }
    }
}

extension Settings {
    /// What `[cluster]` and the rest of the file have against each other.
    func checkCluster(_ section: Section, _ peers: [Entry<Peer>]) {
        if cluster.id == nil {
            for peer in peers {
                peer.section.report(nil, "there is no [cluster]", mend: "give [cluster] id and redis, or remove it")
            }
        } else if cluster.interface == nil, !section.has("interface"), !peers.isEmpty {
            section.report(
                "interface", "missing, though there are peers",
                mend: "give the interface that the other boxes are behind")
        }
        if let slices, slices.size < PortSlices.smallest {
            section.report(
                nil, "[advanced] upstream_ports has fewer than \(PortSlices.smallest) ports for each of the boxes",
                mend: "give it more, at all boxes, or have fewer boxes")
        }
        guard let interface = cluster.interface else { return }
        for (device, kind) in [(advanced.tun, "advanced.tun"), (advanced.ifb, "advanced.ifb")]
            + intercept.interfaces.map({ ($0, "one of intercept.interfaces") })
        where device == interface {
            section.report(
                "interface", "\(interface) is \(kind) as well",
                mend: "give the boxes a link of their own, a VLAN for example")
        }
    }
}

extension Settings.Peer {
    init(_ section: Section) {
        self.init(id: "", addresses: [])
        section.require(&id, "id", .boxName)
        section.require(&addresses, "addresses", .addresses)
    }
}

extension [Settings.Peer] {
    /// What peers have against each other, and against this box.
    func conflicts(_ own: String?) -> [Conflict] {
        let most = Settings.Peer.mostPeers
        guard count <= most else {
            return [Conflict(index: most, problem: "more than \(most) peers", mend: "remove some")]
        }
        return indices.flatMap { index -> [Conflict] in
            let (peer, earlier) = (self[index], self[..<index])
            var conflicts: [Conflict] = []
            if peer.id == own {
                conflicts.append(
                    Conflict(
                        index: index, key: "id", problem: "is this box's own", mend: "list the other boxes alone"))
            } else if earlier.contains(where: { $0.id == peer.id }) {
                conflicts.append(
                    Conflict(
                        index: index, key: "id", problem: "an earlier peer has this id as well",
                        mend: "give each box an id of its own"))
            }
            for address in peer.addresses {
                guard let twin = earlier.first(where: { $0.addresses.contains(address) }) else { continue }
                conflicts.append(
                    Conflict(
                        index: index, key: "addresses", problem: "\(address) is that of \"\(twin.id)\" as well",
                        mend: "give each peer its own address"))
            }
            return conflicts
        }
    }
}

extension Form where Value == [IPAddress] {
    /// One of each family at most.
    fileprivate static var addresses: Form {
        let example = "[\"10.77.0.2\", \"fd77::2\"]"
        return .list(
            of: .text("an address", problem: "is no address of one box") { text in
                guard let address = IPAddress(text), !IPPrefix("224.0.0.0/4")!.contains(address),
                    !IPPrefix("ff00::/8")!.contains(address), address != IPAddress(v4: 0),
                    address != IPAddress(high: 0, low: 0)
                else { return nil }
                return address
            }, "its address on the interface of the cluster, of each family one at most, such as \(example)"
        ) { $0.isIPv4 == $1.isIPv4 }
    }
}

extension Form where Value == String {
    static var boxName: Form {
        .text(
            "a name of 1 to 32 letters, digits, _, . and -, beginning with a letter or digit",
            problem: "can't be a box's name"
        ) { $0.utf8.count <= 32 && $0.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9_.\-]*/) != nil ? $0 : nil }
    }
}

extension Form where Value == Settings.Cluster.Redis {
    /// `redis://[[USER]:PASSWORD@]ADDRESS[:PORT][/DATABASE]`, as others read it (redis.io, "redis URI scheme").
    fileprivate static var redis: Form {
        Form("a server's address, such as \"redis://192.0.2.10:6379\" or \"redis://:PASSWORD@[2001:db8::1]:6379/0\"") {
            node throws(Mismatch) in
            guard let text = node.string else { throw .type(of: node) }
            guard let scheme = text.firstRange(of: "://") else { throw .redis("is no address of a Redis server") }
            switch text[..<scheme.lowerBound] {
            case "redis": break
            case "rediss":
                throw Mismatch(
                    problems: ["TLS is not supported (hiredis \(hiredis) has none)"],
                    mend: "give redis://…, and lead it through WireGuard or stunnel if others could listen")
            case let other: throw .redis("the scheme \"\(other)\" is unknown")
            }
            return try redis(text[scheme.upperBound...])
        }
    }

    /// That of Debian 12.
    private static let hiredis = "0.14"

    private static func redis(_ text: Substring) throws(Mismatch) -> Value {
        let at = text.lastIndex(of: "@")
        var rest = at.map { text[text.index(after: $0)...] } ?? text
        var database = 0
        if let slash = rest.firstIndex(of: "/") {
            let digits = rest[rest.index(after: slash)...]
            guard digits.isEmpty || digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = digits.isEmpty ? 0 : UInt16(digits)
            else { throw .redis("the database is no number from 0 to 65535") }
            database = Int(number)
            rest = rest[..<slash]
        }
        guard let server = server(rest) else {
            throw .redis(
                rest.contains(where: \.isLetter) && !rest.contains("[")
                    ? "a name instead of an address, which a join would wait for" : "no address and port")
        }
        guard let at else { return Value(server: server, database: database) }
        let parts = text[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(decoded)
        guard parts.count == 2, let password = parts[1], !password.isEmpty, let user = parts[0] else {
            throw .redis("what is before @ is not USER:PASSWORD or :PASSWORD, with %XX for other characters")
        }
        return Value(server: server, user: user.isEmpty ? nil : user, password: password, database: database)
    }

    /// Without a port, Redis's own.
    private static func server(_ text: Substring) -> Endpoint? {
        let hasPort = text.last != "]" && text.last { $0 == ":" } != nil
        let full = hasPort ? String(text) : "\(text):6379"
        return try? Form<Endpoint>.endpoint.read(.string(full))
    }

    /// RFC 3986 section 2.1; nil when it isn't.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, digits.first != "+", let value = UInt8(digits, radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension Mismatch {
    /// The value may have a password, and isn't shown.
    fileprivate static func redis(_ problem: String) -> Mismatch { Mismatch(problems: [problem]) }
}
