import LinuxSystem

/// Is there room in the kernel's table of connections (net/netfilter/nf_conntrack_core.c) for what a conversion takes? When
/// it is full, the kernel drops what would need a new entry: a dial's SYN would be lost, and the client's held for nothing.
struct TrackingRoom {
    private let files = TrackingTable()
    private var nextLook = MonotonicTime(nanoseconds: 0)
    private var isSufficient = true

    /// Asks for the first time, which takes two descriptors for good.
    init() { _ = files.fill() }

    /// How often the kernel is asked.
    private static let pace = Duration.milliseconds(100)

    mutating func suffices(at now: MonotonicTime) -> Bool {
        guard nextLook <= now else { return isSufficient }
        nextLook = now + Self.pace
        if let (count, maximum) = files.fill() {
            isSufficient = Self.suffices(count: count, maximum: maximum)
        } else {
            isSufficient = true
        }
        return isSufficient
    }

    /// `maximum`: 0 for no limit. One in 32 places is kept: for what is decided about before the kernel is asked again, and
    /// for those who need one more than MPTCP needs two.
    static func suffices(count: Int, maximum: Int) -> Bool {
        maximum == 0 || maximum - count > max(16, maximum / 32)
    }
}
