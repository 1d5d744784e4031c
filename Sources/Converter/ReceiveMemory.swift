import Glibc
import LinuxSystem

/// How large the receive buffer of a side may grow from which more comes than goes on to the other side.
///
/// The kernel gives a socket twice what its reader takes in a round trip (net/ipv4/tcp_input.c, tcp_rcv_space_adjust). A
/// relay that waits for its other side, or has many to serve, reads late, which the kernel takes for a longer round trip,
/// and for a reason to give more. What fills such buffers counts against the memory of all TCP sockets: beyond
/// `net.ipv4.tcp_mem` the kernel drops segments that its windows have room for, and their senders wait for timers. So a side
/// that is ahead gets what its own round trip needs, and no more than its share of a part of that memory.
struct ReceiveMemory: Equatable {
    /// Bytes for all sides that are ahead.
    private let budget: Int
    /// Bytes that the kernel itself gives at most (the third figure of `net.ipv4.tcp_rmem`).
    private let most: Int

    /// Enough to keep a relay busy between two turns.
    static let enough = 512 << 10
    /// What a side may have however many there are.
    static let least = 128 << 10
    /// Bytes per second that a connection is thought to need at most: 10 Gbit/s.
    private static let rate = 1_250_000_000
    /// An eighth of the memory from which on the kernel saves: servers and clients on the machine itself, send buffers and
    /// sides that were ahead before have theirs, too.
    private static let part = 8

    /// - Parameters:
    ///   - pressure: Pages of TCP memory from which on the kernel saves: the second figure of `net.ipv4.tcp_mem`.
    ///   - most: The third figure of `net.ipv4.tcp_rmem`, in bytes.
    init(pressure: Int, pageSize: Int, most: Int) {
        budget = pressure * pageSize / Self.part
        self.most = most
    }

    /// As the kernel says.
    init() {
        // Unless somebody has set it, a sixteenth of the memory (net/ipv4/tcp.c, tcp_init_mem). A network namespace doesn't
        // show it, and has a limit of its own for buffers.
        self.init(
            pressure: Self.figure(1, of: "net.ipv4.tcp_mem") ?? sysconf(Int32(_SC_PHYS_PAGES)) / 16,
            pageSize: sysconf(Int32(_SC_PAGESIZE)), most: Self.figure(2, of: "net.ipv4.tcp_rmem") ?? 6 << 20)
    }

    private static func figure(_ index: Int, of name: String) -> Int? {
        guard let fields = try? Sysctl.read(name).split(whereSeparator: \.isWhitespace), index < fields.count else {
            return nil
        }
        return Int(fields[index])
    }

    /// The bytes that a side's receive buffer may have, by the kernel's reckoning, which counts more than the payload; nil:
    /// as many as the kernel likes.
    ///
    /// - Parameters:
    ///   - roundTrip: To that side; nil where it isn't known, or is that of several paths.
    ///   - ahead: How many sides are ahead of their other ones, this one included.
    func limit(roundTrip: Duration?, ahead: Int) -> Int? {
        let share = max(Self.least, budget / max(1, ahead))
        let needed = roundTrip.map { max(Self.enough, Self.needed($0)) } ?? .max
        let limit = min(share, needed)
        return limit < most ? limit : nil
    }

    /// Twice what is under way at the highest rate, for the kernel's bookkeeping.
    private static func needed(_ roundTrip: Duration) -> Int {
        let (seconds, attoseconds) = roundTrip.components
        guard seconds == 0 else { return .max }
        let microseconds = Int(attoseconds / 1_000_000_000_000)
        return 2 * microseconds * (rate / 1_000_000)
    }
}
