public import Marks

/// A rule of the router's own that has to do with bits of Sluice's mark.
public struct MarkOverlap: Hashable, Sendable {
    /// `iptables mangle`, `ip -4 rule`.
    public let place: String
    /// As the tool prints it.
    public let rule: String

    public init(place: String, rule: String) {
        self.place = place
        self.rule = rule
    }

    /// Those among rules as iptables-save prints them: what puts Sluice's bits on a packet or asks for them, and what
    /// writes to them on a connection, where they say whose it is. A mark that is put on a packet whole, or asked for
    /// whole, is no matter: Sluice's own come and go apart from it.
    static func among(_ saved: String, _ mask: UInt32, _ family: AddressFamily) -> [MarkOverlap] {
        let tool = family == .ipv4 ? "iptables" : "ip6tables"
        return RuleSet(saved).tables.flatMap { table in
            table.lines.filter { $0.hasPrefix("-A ") && !isOurs($0) && overlaps($0, mask) }.map {
                MarkOverlap(place: "\(tool) \(table.name)", rule: $0)
            }
        }
    }

    /// Those among routing rules as `ip rule` prints them. A rule that asks for the whole mark doesn't route the
    /// connections that the box makes, which bear Sluice's bits.
    static func among(routingRules: String, _ mask: UInt32, _ family: AddressFamily) -> [MarkOverlap] {
        routingRules.split(separator: "\n").compactMap { line in
            let words = line.split { " \t".contains($0) }.map(String.init)
            guard words.suffix(2) != ["proto", Firewall.routeProtocol], let place = words.firstIndex(of: "fwmark"),
                words.indices.contains(place + 1), let mark = Mark(words[place + 1]), mark.mask & mask != 0
            else { return nil }
            return MarkOverlap(place: "ip \(family.option) rule", rule: words.joined(separator: " "))
        }
    }

    private static func isOurs(_ rule: String) -> Bool { rule.contains(" " + RuleSet.chainPrefix) }

    private static func overlaps(_ rule: String, _ mask: UInt32) -> Bool {
        let words = rule.split(separator: " ").map(String.init)
        let isConnections = words.contains("CONNMARK")
        for (index, word) in words.enumerated().dropLast() {
            switch word {
            case "--mark", "--set-mark", "--tproxy-mark", "--or-mark":
                if let mark = Mark(words[index + 1]), mark.value & mask != 0 { return true }
            case "--set-xmark":
                guard let mark = Mark(words[index + 1]) else { continue }
                if mark.value & mask != 0 || isConnections && mark.mask & mask != 0 { return true }
            case "--ctmask":
                if words.contains("--save-mark"), let bits = Mark(words[index + 1]), bits.value & mask != 0 {
                    return true
                }
            default: break
            }
        }
        // Without masks it saves the whole mark.
        return words.contains("--save-mark") && !words.contains("--ctmask")
    }

    /// `0x1/0xff`, `0x1`, `1`.
    private struct Mark {
        let value: UInt32
        let mask: UInt32

        init?(_ text: String) {
            let parts = text.split(separator: "/", maxSplits: 1).map(Self.number)
            guard let value = parts.first ?? nil else { return nil }
            self.value = value
            mask = parts.count == 2 ? parts[1] ?? .max : .max
        }

        private static func number(_ text: Substring) -> UInt32? {
            text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
        }
    }
}

extension Firewall {
    /// Rules of the router's own that have to do with bits of `mark`'s mask. What can't be read has none.
    public static func overlaps(with mark: PacketMark) async -> [MarkOverlap] {
        let tool = Tool(prefix: [])
        var overlaps: [MarkOverlap] = []
        for family in await families(tool) {
            for backend in Backend.allCases {
                guard let text = try? await backend.saved(family, tool) else { continue }
                overlaps += MarkOverlap.among(text, mark.mask, family)
            }
            let rules = try? await tool.run("ip", "-N", family.option, "rule", "show")
            overlaps += MarkOverlap.among(routingRules: rules ?? "", mark.mask, family)
        }
        return overlaps
    }
}
