import Glibc

/// What the kernel counts of a queue (/proc/net/netfilter/nfnetlink_queue; net/netfilter/nfnetlink_queue.c, seq_show).
public struct QueueReport: Sendable {
    public let number: UInt16
    /// Packets that wait for a verdict.
    public let waiting: UInt64
    /// Packets for which there was no room in the queue; those that failed open are not among them.
    public let dropped: UInt64
    /// Packets for which there was no room in the reader's socket.
    public let lost: UInt64

    /// Those of these numbers that are bound, in the network namespace of the calling thread.
    public static func all(of numbers: ClosedRange<UInt16>) -> [QueueReport] {
        read().split(separator: "\n").compactMap { QueueReport(line: $0) }.filter { numbers.contains($0.number) }
    }

    /// Number, reader, waiting, copy mode, copy range, dropped, lost, last packet's id, 1.
    init?(line: some StringProtocol) {
        let fields = line.split(separator: " ")
        guard fields.count >= 8, let number = UInt16(fields[0]), let waiting = UInt64(fields[2]),
            let dropped = UInt64(fields[5]), let lost = UInt64(fields[6])
        else { return nil }
        self.number = number
        self.waiting = waiting
        self.dropped = dropped
        self.lost = lost
    }

    private static func read() -> String {
        guard let file = fopen("/proc/thread-self/net/netfilter/nfnetlink_queue", "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
    }
}
