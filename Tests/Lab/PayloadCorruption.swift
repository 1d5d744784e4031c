import Glibc
import LinuxSystem
import NetfilterQueue
import Synchronization
import Wire

/// A middlebox that changes one byte of one TCP segment and mends the TCP checksum, as a gateway that rewrites payload
/// does: MPTCP's own checksum alone can tell (RFC 8684, section 3.7).
///
/// A thread reads an NFQUEUE. It lets every packet go but the first with payload after `arm`; that one it drops, and
/// sends the changed copy through a raw socket.
final class PayloadCorruption: @unchecked Sendable {
    private let queue: PacketQueue
    private let stopping: StopSignal
    private let thread = Mutex<SystemThread?>(nil)
    private let isArmed = Atomic(false)

    /// Binds the queue in `namespace` and starts.
    convenience init(queue number: UInt16, in namespace: NetworkNamespace) throws {
        let queue = try namespace.run {
            BoundQueue(queue: try PacketQueue(number, .init(copyRange: .max, maximumLength: 10_000, gso: false)))
        }
        try self.init(queue.queue, namespace)
    }

    /// Carries the queue from the thread that made it to the one that reads it.
    private struct BoundQueue: @unchecked Sendable { let queue: PacketQueue }

    private init(_ queue: PacketQueue, _ namespace: NetworkNamespace) throws {
        self.queue = queue
        stopping = try StopSignal()
        let thread = try SystemThread(named: "corruption") { [self] in
            // The raw socket belongs to the hop.
            guard (try? namespace.enter()) != nil else { return }
            run()
        }
        self.thread.withLock { $0 = thread }
    }

    func arm() { isArmed.store(true, ordering: .relaxed) }

    /// Ends the thread. Once only.
    func stop() {
        stopping.fire()
        thread.withLock { $0.take() }?.join()
    }

    private func run() {
        while true {
            var waiting = [queue.descriptor, stopping.descriptor].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            _ = poll(&waiting, 2, -1)
            if waiting[1].revents != 0 { return }
            while let received = try? queue.receive(handle), received > 0 {}
            queue.flush()
        }
    }

    private func handle(_ packet: QueuedPacket) {
        guard isArmed.load(ordering: .relaxed), let corrupted = Self.corrupted(packet.payload),
            Self.send(corrupted.bytes, corrupted.to)
        else {
            return queue.accept(packet.id)
        }
        isArmed.store(false, ordering: .relaxed)
        queue.drop(packet.id)
    }

    /// The packet with its first byte of payload inverted, and the checksum mended as RFC 1624 says; nil when it has no
    /// payload.
    private static func corrupted(_ packet: UnsafeRawBufferPointer) -> (bytes: [UInt8], to: IPAddress)? {
        guard let segment = try? Segment(packet.bytes), segment.payloadLength > 0 else { return nil }
        var bytes = Array(packet)
        // A TCP header is a multiple of four bytes long: the payload begins a word of the checksum.
        let payload = bytes.count - segment.payloadLength
        let checksum = payload - segment.headerLength + 16
        let word = { (offset: Int) in UInt32(bytes[offset]) << 8 | UInt32(bytes[offset + 1]) }
        let before = word(payload)
        let after = before ^ 0xff00
        var sum = (~word(checksum) & 0xffff) + (~before & 0xffff) + after
        while sum > 0xffff { sum = (sum & 0xffff) + sum >> 16 }
        bytes[payload] ^= 0xff
        bytes[checksum] = UInt8(truncatingIfNeeded: ~sum >> 8)
        bytes[checksum + 1] = UInt8(truncatingIfNeeded: ~sum)
        return (bytes, segment.destination.address)
    }

    /// IPPROTO_RAW: the packet brings its own IP header (raw(7)).
    private static func send(_ packet: [UInt8], _ destination: IPAddress) -> Bool {
        guard
            case .success(let number) = systemCallResult({
                socket(destination.addressFamily, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), Int32(IPPROTO_RAW))
            })
        else { return false }
        let raw = Descriptor(owning: number)
        let sent = Endpoint(address: destination, port: 0).withSocketAddress {
            sendto(raw.rawValue, packet, packet.count, 0, $0, $1)
        }
        return sent == packet.count
    }
}
