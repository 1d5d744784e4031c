import Glibc

/// How full the kernel's table of connections is, of the network namespace of the thread that asks first.
public final class TrackingTable {
    private var count = File("nf_conntrack_count")
    private var maximum = File("nf_conntrack_max")

    public init() {}

    /// Entries in the table, and how many there may be (0: any number). nil while the kernel tracks no connections.
    public func fill() -> (count: Int, maximum: Int)? {
        guard let count = count.read(), let maximum = maximum.read() else { return nil }
        return (count, maximum)
    }

    /// Kept open once it is there.
    private final class File {
        private let name: String
        private var descriptor: Int32 = -1

        init(_ name: String) { self.name = name }

        deinit { if descriptor >= 0 { close(descriptor) } }

        func read() -> Int? {
            if descriptor < 0 { descriptor = open("/proc/sys/net/netfilter/\(name)", O_RDONLY | O_CLOEXEC) }
            guard descriptor >= 0 else { return nil }
            return withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { buffer in
                let length = pread(descriptor, buffer.baseAddress, buffer.count, 0)
                guard length > 0 else { return nil }
                return buffer[..<length].prefix { $0 >= 48 && $0 <= 57 }.reduce(0) { $0 * 10 + Int($1 - 48) }
            }
        }
    }
}
