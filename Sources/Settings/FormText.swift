import Wire

// MARK: - Text

extension Form {
    /// A string, and what `parse` makes of it; nil = `problem`.
    static func text(
        _ expected: String, problem: String = "is malformed", parse: @escaping (String) -> Value?
    ) -> Form {
        Form(expected) { node throws(Mismatch) in
            guard let text = node.string else { throw .type(of: node) }
            guard let value = parse(text) else { throw Mismatch(node, problem) }
            return value
        }
    }
}

extension Form where Value: CaseIterable & RawRepresentable<String> {
    /// One of a few words; `reserved` ones are to come.
    static func choice(reserved: [String] = []) -> Form {
        let words = Value.allCases.map { "\"\($0.rawValue)\"" }
        let expected = words.count == 1 ? "\(words[0]), the only one that this version knows" : words.joined(or: "or")
        return Form(expected) { node throws(Mismatch) in
            guard let text = node.string else { throw .type(of: node) }
            if let value = Value(rawValue: text) { return value }
            throw Mismatch(node, reserved.contains(text) ? "is reserved for a later version" : "is unknown")
        }
    }
}

extension [String] {
    /// `a, b or c`
    func joined(or word: String) -> String {
        dropLast().joined(separator: ", ") + " \(word) " + last!
    }
}

extension Form where Value == String {
    static var ruleName: Form { name(problem: "can't be a rule's name") }
    static var pathName: Form { name(problem: "can't be a path's name") }

    private static func name(problem: String) -> Form {
        .text(
            "a name of 1 to 32 letters, digits, _, . and -, beginning with a letter or digit", problem: problem
        ) { $0.utf8.count <= 32 && $0.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9_.\-]*/) != nil ? $0 : nil }
    }

    static var interfaceName: Form {
        .text("an interface's name of 1 to 15 bytes, such as \"lan0\"", problem: "can't be an interface's name") {
            isInterfaceName($0) ? $0 : nil
        }
    }

    /// The kernel's TCP_CA_NAME_MAX is 16 with the closing zero.
    static var congestionControl: Form {
        .text("the name of a TCP congestion control, such as \"cubic\"", problem: "can't be such a name") { name in
            let isGraphic = name.utf8.allSatisfy { (0x21...0x7e).contains($0) }
            return (1...15).contains(name.utf8.count) && isGraphic ? name : nil
        }
    }

    static var folderPath: Form {
        .text("an absolute path of a folder, at most 4000 bytes long", problem: "is not such a path") { path in
            path.hasPrefix("/") && path.utf8.count <= 4000 && !path.utf8.contains(0) ? path : nil
        }
    }

    /// The kernel's PATH_MAX is 4096 with the closing zero; files that are put aside have a longer name.
    static var filePath: Form {
        .text("an absolute path of a file, at most 4000 bytes long", problem: "is not such a path") { path in
            path.hasPrefix("/") && !path.hasSuffix("/") && path.utf8.count <= 4000 && !path.utf8.contains(0)
                ? path : nil
        }
    }

    /// RFC 1123 section 2.1, and the underscore that some networks use.
    static var hostName: Form {
        .text("the name of a host, such as \"router.lan\"", problem: "can't be the name of a host") { name in
            let labels = name.split(separator: ".", omittingEmptySubsequences: false)
            let isName = labels.allSatisfy { $0.wholeMatch(of: /[A-Za-z0-9_]([A-Za-z0-9_\-]*[A-Za-z0-9_])?/) != nil }
            return isName && name.utf8.count <= 253 ? name : nil
        }
    }

    /// sockaddr_un.sun_path holds 108 bytes with the closing zero.
    static var socketPath: Form {
        .text("an absolute path of a file, at most 107 bytes long", problem: "is not such a path") { path in
            path.hasPrefix("/") && !path.hasSuffix("/") && path.utf8.count <= 107 ? path : nil
        }
    }
}

/// What the kernel allows (net/core/dev.c, dev_valid_name), without what iptables would read otherwise: quotes and
/// backslashes, a leading `-` or `!`, a trailing `+` (every interface that begins so), and `%` (a name to be numbered).
private func isInterfaceName(_ name: String) -> Bool {
    let isOrdinary = name.utf8.allSatisfy { byte in
        (0x21...0x7e).contains(byte) && !"/:\"'\\%".utf8.contains(byte)
    }
    return (1...15).contains(name.utf8.count) && isOrdinary && name != "." && name != ".."
        && !name.hasPrefix("-") && !name.hasPrefix("!") && !name.hasSuffix("+")
}

// MARK: - Addresses and ports

extension Form where Value == IPAddress {
    static func address(in prefix: IPPrefix, _ expected: String) -> Form {
        Form(expected) { node throws(Mismatch) in
            guard let text = node.string else { throw .type(of: node) }
            guard let address = IPAddress(text) else { throw Mismatch(node, "is not an address") }
            guard prefix.contains(address) else { throw Mismatch(node, "is not in \(prefix)") }
            return address
        }
    }
}

extension Form where Value == Endpoint {
    /// `"127.0.0.1:9470"` or `"[::1]:9470"`.
    static var endpoint: Form {
        .text(
            "an address and a port, such as \"127.0.0.1:9470\" or \"[::1]:9470\"",
            problem: "is not an address and a port"
        ) { text in
            guard let endpoint = Endpoint(text), endpoint.address.isIPv4 != text.hasPrefix("["),
                port(text[text.index(after: text.lastIndex(of: ":")!)...]) != nil
            else { return nil }
            return endpoint
        }
    }
}

extension Form where Value == IPPrefix {
    static var prefix: Form {
        Form("prefixes such as \"10.0.0.0/8\", \"2001:db8::/32\" or a single address") { node throws(Mismatch) in
            guard let text = node.string else { throw .type(of: node) }
            guard let prefix = IPPrefix(text) else { throw Mismatch(node, "is not a prefix") }
            guard prefix.address == IPAddress(text.prefix { $0 != "/" }) else {
                throw Mismatch(node, "has bits beyond its length (\(prefix) hasn't)")
            }
            return prefix
        }
    }
}

extension Form where Value == ClosedRange<UInt16> {
    /// `80`, `"80"` or `"8000-8999"`.
    static var ports: Form {
        Form("ports from 1 to 65535, or ranges of them such as \"8000-8999\"") { node throws(Mismatch) in
            if let number = node.int {
                guard let port = UInt16(exactly: number), port > 0 else { throw .range(of: node) }
                return port...port
            }
            guard let text = node.string else { throw .type(of: node) }
            guard let range = portRange(text) else { throw Mismatch(node, "is not a range of ports") }
            return range
        }
    }

    static func ports(atLeast count: Int) -> Form {
        Form("a range of at least \(count) ports, such as \"4096-32767\"") { node throws(Mismatch) in
            let range = try ports.read(node)
            guard range.count >= count else { throw Mismatch(node, "is too few ports") }
            return range
        }
    }
}

private func portRange(_ text: String) -> ClosedRange<UInt16>? {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(port)
    guard let first = ends[0], let last = ends[ends.count - 1], ends.count <= 2, first <= last else { return nil }
    return first...last
}

private func port(_ text: Substring) -> UInt16? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(text), port > 0 else { return nil }
    return port
}

// MARK: - Lists

extension Form {
    /// A list of at least one element; none may conflict with an earlier one, which `conflict` says in words.
    static func list<Element>(
        of element: Form<Element>, _ expected: String, conflict: @escaping (Element, Element) -> Bool
    ) -> Form where Value == [Element] {
        Form(expected) { node throws(Mismatch) in
            guard let array = node.array else { throw .type(of: node) }
            if array.isEmpty { throw Mismatch(problems: ["the list is empty"]) }
            var elements: [(value: Element, shown: String)] = []
            var problems: [String] = []
            for item in array {
                do throws(Mismatch) {
                    let value = try element.read(item)
                    if let earlier = elements.first(where: { conflict($0.value, value) }) {
                        let isTwin = earlier.shown == shown(item)
                        problems.append("\(shown(item)) \(isTwin ? "stands twice" : "overlaps \(earlier.shown)")")
                    }
                    elements.append((value, shown(item)))
                } catch {
                    problems += error.problems
                }
            }
            guard problems.isEmpty else { throw Mismatch(problems: problems) }
            return elements.map(\.value)
        }
    }
}

extension Form where Value == [String] {
    static var interfaceNames: Form {
        .list(of: .interfaceName, "a list of interfaces, such as [\"lan0\", \"wifi0\"]", conflict: ==)
    }
}

extension Form where Value == [String] {
    static var hostNames: Form {
        .list(of: .hostName, "a list of names, such as [\"router.lan\"]") { $0.lowercased() == $1.lowercased() }
    }
}

extension Form where Value == [IPPrefix] {
    static var prefixes: Form {
        .list(of: .prefix, "a list of prefixes, such as [\"10.0.0.0/8\", \"2001:db8::/32\"]", conflict: ==)
    }
}

extension Form where Value == [ClosedRange<UInt16>] {
    static var portRanges: Form {
        .list(of: .ports, "a list of ports from 1 to 65535 and ranges, such as [80, \"8000-8999\"]") { $0.overlaps($1) }
    }
}
