import Glibc
import LinuxSystem
import SystemPackage

/// The tables of iptables-legacy, asked of the kernel itself (net/ipv4/netfilter/ip_tables.c, net/ipv6/netfilter/
/// ip6_tables.c). They tell nobody when they are changed, so they are looked at: `summary` costs microseconds whatever
/// a table's size, and shows every change but the exchange of a rule for one of the same size. One object a thread, or
/// behind a lock. Takes CAP_NET_ADMIN and, for its sockets, CAP_NET_RAW.
final class LegacyTables {
    /// What the kernel says of a table without its rules (IPT_SO_GET_INFO).
    struct Summary: Hashable, Sendable {
        /// By hook (NF_INET_PRE_ROUTING and so on), of those that the table has.
        var firsts: [Int: Int] = [:]
        var policies: [Int: Int] = [:]
        var rules: UInt32
        var size: UInt32
    }

    private let ipv4: Descriptor
    /// Another of IPv4 where the kernel has no IPv6, and of no use then.
    private let ipv6: Descriptor
    private let hasIPv6: Bool

    /// In the network namespace of the calling thread.
    init() throws(SystemError) {
        ipv4 = Descriptor(owning: try Self.socket(AF_INET))
        if let trial = try? Self.socket(AF_INET6) {
            close(trial)
            hasIPv6 = true
        } else {
            hasIPv6 = false
        }
        ipv6 = Descriptor(owning: try Self.socket(hasIPv6 ? AF_INET6 : AF_INET))
    }

    private static func socket(_ family: Int32) throws(SystemError) -> Int32 {
        try systemCall("raw socket for iptables") {
            Glibc.socket(family, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), Int32(IPPROTO_RAW))
        }
    }

    /// Makes the table if there is none yet. Throws ENOENT where the kernel has no such table.
    func summary(_ family: AddressFamily, _ table: String) throws(SystemError) -> Summary {
        // struct ipt_getinfo: name[32], valid_hooks, hook_entry[5], underflow[5], num_entries, size.
        let bytes = try ask(family, Self.getInfo, table, size: 84)
        let word = { (offset: Int) in
            bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        }
        var summary = Summary(rules: word(76), size: word(80))
        for hook in 0..<Self.hooks.count where word(32) >> UInt32(hook) & 1 == 1 {
            summary.firsts[hook] = Int(word(36 + 4 * hook))
            summary.policies[hook] = Int(word(56 + 4 * hook))
        }
        return summary
    }

    /// The whole table; nil when it has changed since `summary`.
    func entries(_ family: AddressFamily, _ table: String, _ summary: Summary) throws(SystemError) -> LegacyTable? {
        // struct ipt_get_entries: name[32], size, and the entries at a multiple of eight.
        let bytes: [UInt8]
        do {
            bytes = try ask(family, Self.getEntries, table, size: 40 + Int(summary.size), tableSize: summary.size)
        } catch  where error.errno == .resourceTemporarilyUnavailable || error.errno == .invalidArgument {
            return nil
        }
        return LegacyTable(Array(bytes.dropFirst(40)), family == .ipv4 ? .ipv4 : .ipv6)
    }

    /// These chains of the table; nil when it changed meanwhile.
    func view(_ family: AddressFamily, _ table: String, chains: [String]) throws(SystemError) -> TableView? {
        let summary = try summary(family, table)
        var builtIn: [String: (first: Int, policy: Int)] = [:]
        for (hook, first) in summary.firsts { builtIn[Self.hooks[hook]] = (first, summary.policies[hook] ?? first) }
        return try entries(family, table, summary)?.view(builtIn, wanted: chains)
    }

    private func ask(
        _ family: AddressFamily, _ option: Int32, _ table: String, size: Int, tableSize: UInt32 = 0
    ) throws(SystemError) -> [UInt8] {
        guard family == .ipv4 || hasIPv6 else {
            throw SystemError("raw socket for ip6tables", .addressFamilyNotSupported)
        }
        let descriptor = family == .ipv4 ? ipv4.rawValue : ipv6.rawValue
        var bytes = [UInt8](repeating: 0, count: size)
        bytes.replaceSubrange(0..<table.utf8.count, with: table.utf8)
        if option == Self.getEntries {
            bytes.withUnsafeMutableBytes { $0.storeBytes(of: tableSize, toByteOffset: 32, as: UInt32.self) }
        }
        var length = socklen_t(size)
        try systemCall("look at table \(table) of iptables-legacy") {
            getsockopt(
                descriptor, Int32(family == .ipv4 ? IPPROTO_IP : IPPROTO_IPV6), option, &bytes, &length)
        }
        return bytes
    }

    /// By their numbers.
    private static let hooks = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]
    // IPT_SO_GET_INFO and IPT_SO_GET_ENTRIES, the same as IP6T_….
    private static let getInfo: Int32 = 64
    private static let getEntries: Int32 = 65
}
