import Glibc
import LinuxSystem
import NetfilterQueue
import Synchronization
import Wire

/// Sees in the box when a join is completed, and when a connection that carries a traffic class sends its first packet
/// to the client: how long Sluice takes to throttle.
///
/// It reads two NFQUEUEs of its own: what comes in by the joined link before anything else has seen it (raw
/// PREROUTING), and what leaves with a class in its connmark before Sluice's rules put it there (security OUTPUT: what is
/// queued in mangle POSTROUTING doesn't come back to the rules that follow). Its own turns are part of what it measures.
public final class ThrottleProbe: @unchecked Sendable {
    /// When the last join was completed, and the first classified packet since.
    private struct Times {
        var join: MonotonicTime?
        var classified: MonotonicTime?
    }

    private let queues: [PacketQueue]
    private let times = Mutex(Times())
    private let stopping: StopSignal
    private let thread = Mutex<SystemThread?>(nil)

    private static let joinQueue: UInt16 = 9100
    private static let classQueue: UInt16 = 9101

    /// Carries the queues from the thread that made them to the one that reads them.
    private struct BoundQueues: @unchecked Sendable { let queues: [PacketQueue] }

    /// `join`: the link by which the second subflow comes; `classMask`: the bits of the class in a connmark.
    public init(_ lab: Lab, join: Lab.Link, classMask: UInt32) async throws {
        let options = PacketQueue.Options(copyRange: 128, maximumLength: 10_000, gso: true)
        let bound = try lab.namespace(.box).run {
            BoundQueues(queues: try [Self.joinQueue, Self.classQueue].map { try PacketQueue($0, options) })
        }
        queues = bound.queues
        stopping = try StopSignal()
        let mask = "0x0/0x" + String(classMask, radix: 16)
        for command in ["iptables", "ip6tables"] {
            try await lab.require(
                in: .box,
                [command, "-w", "-t", "raw", "-A", "PREROUTING", "-i", join.name, "-p", "tcp"]
                    + ["--tcp-flags", "SYN,FIN,RST", "NONE", "-j", "NFQUEUE", "--queue-num", "\(Self.joinQueue)"])
            try await lab.require(
                in: .box,
                [command, "-w", "-t", "security", "-A", "OUTPUT", "-p", "tcp", "-m", "connmark", "!", "--mark", mask]
                    + ["-m", "conntrack", "--ctdir", "REPLY", "-j", "NFQUEUE", "--queue-num", "\(Self.classQueue)"])
        }
        let thread = try SystemThread(named: "throttle probe") { [self] in run() }
        self.thread.withLock { $0 = thread }
    }

    /// From the last join's third ACK to the first classified packet after it; nil if there was none since the last call.
    public func take() -> Duration? {
        times.withLock { times in
            defer { times = Times() }
            guard let join = times.join, let classified = times.classified else { return nil }
            return .nanoseconds(Int64(clamping: classified.nanoseconds(since: join)))
        }
    }

    /// Ends the thread. Once only.
    public func stop() {
        stopping.fire()
        thread.withLock { $0.take() }?.join()
    }

    private func run() {
        var waiting = (queues.map(\.descriptor) + [stopping.descriptor]).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        while true {
            _ = poll(&waiting, nfds_t(waiting.count), -1)
            if waiting[2].revents != 0 { return }
            read(queues[0]) { packet in
                if Self.completesJoin(packet) { times.withLock { $0 = Times(join: .now) } }
            }
            read(queues[1]) { _ in
                times.withLock { times in if times.join != nil { times.classified = times.classified ?? .now } }
            }
        }
    }

    private func read(_ queue: PacketQueue, _ note: (QueuedPacket) -> Void) {
        while let received = try? queue.receive({ packet in
            note(packet)
            queue.accept(packet.id)
        }), received > 0 {}
        queue.flush()
    }

    /// The third ACK of an MP_JOIN (RFC 8684 section 3.2).
    private static func completesJoin(_ packet: QueuedPacket) -> Bool {
        do {
            var options = try Segment(packet.payload.bytes, length: packet.length).options
            while let option = try options.next() {
                if option.kind == 30, case .multipath(.join(.ack)) = try option.content() { return true }
            }
        } catch {}
        return false
    }
}
