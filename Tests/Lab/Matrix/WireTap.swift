import Glibc
import LinuxSystem
import Synchronization
import Wire

/// What is kept of a TCP segment that passed an interface.
struct Sighting: Hashable, Sendable {
    /// Did the node send it?
    let isOutgoing: Bool
    let source: Endpoint
    let destination: Endpoint
    let flags: TCPFlags
    let sequence: SequenceNumber
    let payloadLength: Int
    /// The byte of IPv4's type of service or IPv6's traffic class: DSCP in its upper six bits.
    let trafficClass: UInt8
    /// TTL or hop limit.
    let hopLimit: UInt8
    /// For SYNs: what their options say.
    var syn: SYN?

    struct SYN: Hashable, Sendable {
        var mss: UInt16?
        /// In order of their numbers, without Multipath TCP's.
        var optionKinds: [UInt8] = []
        var isMultipath = false
        var isJoin = false
    }
}

/// Listens to all TCP segments on a node's interfaces (packet(7)), without a process and from the moment it is made.
final class WireTap: Sendable {
    private let stopping: StopSignal
    private let sightings = Mutex<[Sighting]>([])
    private let thread = Mutex<SystemThread?>(nil)

    /// Made in the calling thread's namespace.
    init() throws {
        stopping = try StopSignal()
        // ETH_P_ALL: it is the only one that gets what the node sends.
        let number = Int32(UInt16(3).bigEndian)
        let socket = Descriptor(
            owning: try systemCall("packet socket") {
                Glibc.socket(AF_PACKET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), number)
            })
        var room: Int32 = 32 << 20
        try systemCall("SO_RCVBUFFORCE") {
            setsockopt(socket.rawValue, SOL_SOCKET, SO_RCVBUFFORCE, &room, socklen_t(MemoryLayout<Int32>.size))
        }
        let descriptor = socket.release()
        let listener = try SystemThread(named: "wire tap") { [self] in
            listen(descriptor)
            close(descriptor)
        }
        thread.withLock { $0 = listener }
    }

    /// Ends it, and returns what has passed.
    func stop() -> [Sighting] {
        if let thread = thread.withLock({ $0.take() }) {
            stopping.fire()
            thread.join()
        }
        return sightings.withLock(\.self)
    }

    private func listen(_ socket: Int32) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 8)
        defer { buffer.deallocate() }
        var waiting = [stopping.descriptor, socket].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            _ = poll(&waiting, 2, -1)
            // What has come before the end is taken, too.
            while take(from: socket, buffer) {}
            if waiting[0].revents != 0 { return }
        }
    }

    /// False when nothing waits.
    private func take(from socket: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        // struct sockaddr_ll of linux/if_packet.h, which Glibc's module map leaves out: sll_pkttype is its byte 10.
        var address: (UInt64, UInt64, UInt32) = (0, 0, 0)
        var size: socklen_t = 20
        let count = withUnsafeMutableBytes(of: &address) { address in
            recvfrom(
                socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT | MSG_TRUNC),
                address.baseAddress!.assumingMemoryBound(to: sockaddr.self), &size)
        }
        guard count > 0 else { return false }
        // PACKET_OUTGOING.
        let isOutgoing = withUnsafeBytes(of: address) { $0[10] == 4 }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<min(count, buffer.count)])
        if let sighting = try? Sighting(bytes, length: count, isOutgoing: isOutgoing) {
            sightings.withLock { $0.append(sighting) }
        }
        return true
    }
}

extension Sighting {
    /// Throws for whatever is no TCP segment.
    fileprivate init(_ bytes: UnsafeRawBufferPointer, length: Int, isOutgoing: Bool) throws(WireError) {
        let segment = try Segment(bytes.bytes, length: length)
        self.isOutgoing = isOutgoing
        source = segment.source
        destination = segment.destination
        flags = segment.flags
        sequence = segment.sequence
        payloadLength = segment.payloadLength
        let isIPv4 = bytes[0] >> 4 == 4
        trafficClass = isIPv4 ? bytes[1] : bytes[0] << 4 | bytes[1] >> 4
        hopLimit = isIPv4 ? bytes[8] : bytes[7]
        guard flags.contains(.syn) else { return }
        var syn = SYN()
        var options = segment.options
        while let option = try options.next() {
            switch option.kind {
            case 2 where option.bytes.byteCount == 4:
                syn.mss = UInt16(
                    bigEndian: option.bytes.unsafeLoadUnaligned(fromByteOffset: 2, as: UInt16.self))
            case 30:
                syn.isMultipath = true
                // The subtype is the third byte's upper half; 1 is MP_JOIN.
                syn.isJoin = option.bytes.unsafeLoad(fromByteOffset: 2, as: UInt8.self) >> 4 == 1
                continue
            default: break
            }
            syn.optionKinds.append(option.kind)
        }
        syn.optionKinds.sort()
        self.syn = syn
    }
}
