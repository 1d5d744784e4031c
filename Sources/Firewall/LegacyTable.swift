/// A table of iptables-legacy as getsockopt(IPT_SO_GET_ENTRIES) returns it: one block of entries, in which a chain of the
/// user's begins with an entry that bears its name, and jumps are offsets (net/ipv4/netfilter/ip_tables.c,
/// include/uapi/linux/netfilter_ipv4/ip_tables.h; the same for IPv6).
struct LegacyTable {
    /// Where things are in an entry.
    struct Layout {
        let targetOffset: Int
        let nextOffset: Int
        /// `comefrom`, of no meaning outside the kernel, and the two counters.
        let volatile: Range<Int>

        static let ipv4 = Layout(targetOffset: 88, nextOffset: 90, volatile: 92..<112)
        static let ipv6 = Layout(targetOffset: 140, nextOffset: 142, volatile: 144..<168)
    }

    private struct Entry {
        let offset: Int
        let size: Int
        let target: Int
    }

    private let bytes: [UInt8]
    private let layout: Layout
    private var entries: [Entry] = []
    /// By the offset of their first rule.
    private var names: [Int: String] = [:]

    /// `entries`: of all chains. nil when they can't be read.
    init?(_ bytes: [UInt8], _ layout: Layout) {
        self.bytes = bytes
        self.layout = layout
        var offset = 0
        while offset < bytes.count {
            guard offset + layout.volatile.upperBound <= bytes.count else { return nil }
            let (target, size) = (half(offset + layout.targetOffset), half(offset + layout.nextOffset))
            guard size > target, target >= layout.volatile.upperBound, offset + size <= bytes.count,
                target + Self.targetHeader + 4 <= size
            else { return nil }
            let entry = Entry(offset: offset, size: size, target: offset + target)
            if isName(entry) {
                names[offset + size] = text(entry.target + Self.targetHeader, limit: 30)
            }
            entries.append(entry)
            offset += size
        }
    }

    /// These chains, each rule by a hash of its bytes without counters.
    ///
    /// - Parameters:
    ///   - builtIn: the offsets of the built-in chains' first entries and of their policies, by name.
    ///   - wanted: the names of the chains that are looked at.
    func view(_ builtIn: [String: (first: Int, policy: Int)], wanted: some Collection<String>) -> TableView {
        let wanted = Set(wanted)
        let starts = Dictionary(uniqueKeysWithValues: builtIn.map { ($0.value.first, $0.key) })
        let policies = Set(builtIn.values.map(\.policy))
        var view = TableView()
        var chain: String?
        for (index, entry) in entries.enumerated() {
            if let name = starts[entry.offset] ?? names[entry.offset] { chain = name }
            // The policy, or the return at the end of a chain of the user's, is none of its rules.
            let isLast = policies.contains(entry.offset) || index + 1 < entries.count && isName(entries[index + 1])
            if isName(entry) || isLast {
                chain = nil
            } else if let chain, wanted.contains(chain) {
                view.chains[chain, default: []].append(rule(entry))
            }
        }
        return view
    }

    /// A hash of the whole table without counters: the same as long as nobody has changed a rule.
    var fingerprint: UInt64 { entries.reduce(Self.basis) { hash($1, into: $0) } }

    private func rule(_ entry: Entry) -> RuleView {
        var target: String?
        var end = entry.offset + entry.size
        // The standard target has no name, and a jump is the offset of the chain's first rule.
        if bytes[entry.target + 2] == 0 {
            let verdict = Int32(bitPattern: word(entry.target + Self.targetHeader))
            if verdict >= 0, let name = names[Int(verdict)] {
                target = name
                end = entry.target + Self.targetHeader
            }
        }
        var id = hash(entry, until: end, into: Self.basis)
        for byte in (target ?? "").utf8 { id = (id ^ UInt64(byte)) &* Self.prime }
        return RuleView(id: id, target: target)
    }

    private func hash(_ entry: Entry, until end: Int? = nil, into basis: UInt64) -> UInt64 {
        var hash = basis
        bytes.withUnsafeBufferPointer { bytes in
            for index in entry.offset..<entry.offset + layout.volatile.lowerBound {
                hash = (hash ^ UInt64(bytes[index])) &* Self.prime
            }
            for index in entry.offset + layout.volatile.upperBound..<(end ?? entry.offset + entry.size) {
                hash = (hash ^ UInt64(bytes[index])) &* Self.prime
            }
        }
        return hash
    }

    // FNV-1a of 64 bits.
    private static let basis: UInt64 = 0xcbf2_9ce4_8422_2325
    private static let prime: UInt64 = 0x100_0000_01b3
    /// struct xt_entry_target: size, name, revision.
    private static let targetHeader = 32

    /// Is it no rule, but the name of the chain that begins behind it, or the end of the table? Its target is ERROR.
    private func isName(_ entry: Entry) -> Bool {
        bytes[entry.target + 2..<entry.target + 8].elementsEqual(Self.errorTarget)
    }

    private static let errorTarget = Array("ERROR\0".utf8)

    private func text(_ offset: Int, limit: Int) -> String {
        String(decoding: bytes[offset..<min(bytes.count, offset + limit)].prefix { $0 != 0 }, as: UTF8.self)
    }

    private func half(_ offset: Int) -> Int {
        Int(bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt16.self) })
    }

    private func word(_ offset: Int) -> UInt32 {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    }
}
