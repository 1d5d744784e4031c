import CLinux
import Glibc
import SystemPackage

/// What a sentinel has kept of a daemon that is gone: its descriptors, and its register.
public final class KeptSessions {
    /// By their former numbers.
    private var descriptors: [Int32: Int32]
    private let memory: UnsafeMutableRawPointer
    private let size: Int
    private let channel: DescriptorChannel

    /// The daemon's foundations, in their order, and what it said of them.
    public let foundations: ReceivedDescriptors
    public let offer: [UInt8]

    /// Asks the sentinel of this name for all that it keeps; nil where there is none. Throws `SystemError`, or `KeptError` when what
    /// it has can't be used, and has been closed.
    public static func take(from name: String, until deadline: MonotonicTime) throws -> KeptSessions? {
        guard let channel = try connect(name) else { return nil }
        return try KeptSessions(channel, until: deadline)
    }

    /// Has the sentinel of this name close all that it keeps; returns when it has ended. false: there is none.
    @discardableResult
    public static func letGo(_ name: String, until deadline: MonotonicTime) throws -> Bool {
        guard let channel = try connect(name) else { return false }
        try send(SLUICE_LET_GO, on: channel, until: deadline)
        while try channel.receive(until: deadline) != nil {}
        return true
    }

    private static func connect(_ name: String) throws -> DescriptorChannel? {
        switch systemCallResult({ sluice_sentinel_connect(name) }) {
        case .success(let raw):
            guard sluice_trusted_peer(raw) > 0 else {
                close(raw)
                throw KeptError.stranger
            }
            return DescriptorChannel(owning: Descriptor(owning: raw))
        case .failure(.connectionRefused): return nil
        case .failure(let error): throw SystemError("connect to the sentinel", error)
        }
    }

    /// Is there a sentinel of this name that keeps something?
    public static func isHeld(_ name: String) -> Bool { (try? connect(name)) != nil }

    private static func send(
        _ order: some BinaryInteger, on channel: borrowing DescriptorChannel, until deadline: MonotonicTime
    ) throws {
        var byte = UInt8(truncatingIfNeeded: order)
        let sent: Result<Void, SystemError> = withUnsafeBytes(of: &byte) { bytes in
            Result { () throws(SystemError) in try channel.send(bytes, until: deadline) }
        }
        try sent.get()
    }

    private init(_ channel: consuming DescriptorChannel, until deadline: MonotonicTime) throws {
        try Self.send(SLUICE_TAKE, on: channel, until: deadline)
        guard let first = try channel.receive(until: deadline), first.bytes.count == MemoryLayout<sluice_kept>.size
        else {
            throw KeptError.unreadable
        }
        let head = first.bytes.withUnsafeBytes { $0.loadUnaligned(as: sluice_kept.self) }
        guard head.version == UInt32(SLUICE_REGISTER_VERSION) else {
            throw KeptError.version(head.version, own: UInt32(SLUICE_REGISTER_VERSION))
        }
        var descriptors: [Int32: Int32] = [:]
        while descriptors.count < Int(head.count) {
            guard let message = try channel.receive(until: deadline) else { throw KeptError.unreadable }
            let numbers = message.bytes.withUnsafeBytes { bytes in
                (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self) }
            }
            guard !numbers.isEmpty, message.descriptors.count == numbers.count else { throw KeptError.unreadable }
            for number in numbers {
                guard let descriptor = message.descriptors.take() else { break }
                descriptors[number] = descriptor.release()
            }
        }
        guard let register = descriptors[head.memory],
            let memory = sluice_register_map(register, Int(head.size))
        else {
            for descriptor in descriptors.values { close(descriptor) }
            throw KeptError.unreadable
        }
        self.memory = memory
        size = Int(head.size)
        let shared = memory.assumingMemoryBound(to: sluice_register.self)
        let numbers = UnsafeBufferPointer(
            start: sluice_register_foundations(shared), count: Int(shared.pointee.foundation_count))
        foundations = ReceivedDescriptors(owning: numbers.compactMap { descriptors.removeValue(forKey: $0) })
        offer = Array(
            UnsafeRawBufferPointer(start: sluice_register_offer(shared), count: Int(shared.pointee.offer_size)))
        self.descriptors = descriptors
        self.channel = channel
    }

    /// What nobody has taken is closed, and so reset.
    deinit {
        for descriptor in descriptors.values { close(descriptor) }
        munmap(memory, size)
    }

    /// The sentinel may end: all is this process's.
    public func confirm(until deadline: MonotonicTime) throws {
        try Self.send(SLUICE_TAKEN, on: channel, until: deadline)
        while try channel.receive(until: deadline) != nil {}
    }

    /// A session, as the register has it. Its pointers are good for as long as the `KeptSessions`.
    public struct Session {
        public let record: [UInt8]
        public let client: Int32
        public let server: Int32
        /// To the server, to the client.
        public let directions: [Direction]
    }

    /// Where bytes of a direction may be that are in no socket.
    public struct Direction {
        /// Where in the stream the buffer begins.
        public typealias Buffer = (base: UInt64, bytes: UnsafeRawBufferPointer)

        /// What the destination hasn't taken.
        public var waiting: Buffer?
        /// What was being moved, if this is the direction that the worker was about.
        public var moving: Buffer?
        /// The worker's pipe, with what is behind the buffer's bytes.
        public var pipe: Int32?
    }

    /// Their sockets are the caller's; those of sessions that it passes over are closed with this object.
    public func forEach(_ body: (Session) -> Void) {
        let shared = memory.assumingMemoryBound(to: sluice_register.self)
        for index in 0..<shared.pointee.workers {
            let worker = sluice_register_worker_at(memory, index)!
            let sessions = sluice_register_sessions_of(worker)!
            for slot in 0..<Int(min(worker.pointee.used, shared.pointee.sessions)) {
                if let session = session(
                    slot, sessions + slot, worker, places: sluice_register_places_of(memory, index))
                {
                    body(session)
                }
            }
        }
    }

    /// A socket of a session's; nil when it has been taken, or hasn't come.
    public func takeSocket(_ number: Int32) -> StreamSocket? {
        descriptors.removeValue(forKey: number).map { StreamSocket(owning: Descriptor(owning: $0)) }
    }

    private func session(
        _ slot: Int, _ session: UnsafeMutablePointer<sluice_register_session>,
        _ worker: UnsafeMutablePointer<sluice_register_worker>, places: UnsafeMutableRawPointer
    ) -> Session? {
        guard sluice_load_acquire(&session.pointee.valid) != 0,
            session.pointee.size <= UInt32(SLUICE_REGISTER_RECORD)
        else { return nil }
        let size = Int(SLUICE_REGISTER_PLACE)
        let directions = (0..<2).map { index in
            let noted = sluice_register_direction(session, UInt32(index)).pointee
            var direction = Direction()
            if noted.place > 0, noted.place < UInt32(SessionRegister.placesOfAWorker) {
                direction.waiting = (
                    noted.base, UnsafeRawBufferPointer(start: places + Int(noted.place) * size, count: size)
                )
            }
            if worker.pointee.mover == UInt64(slot * 2 + index + 1) {
                direction.moving = (worker.pointee.base, UnsafeRawBufferPointer(start: places, count: size))
                direction.pipe = descriptors[worker.pointee.pipe.0]
            }
            return direction
        }
        let record = UnsafeRawBufferPointer(start: sluice_register_record(session), count: Int(session.pointee.size))
        return Session(
            record: Array(record), client: session.pointee.client, server: session.pointee.server,
            directions: directions)
    }
}

/// Why what a sentinel has kept can't be used.
public enum KeptError: Error, CustomStringConvertible {
    case stranger
    case version(UInt32, own: UInt32)
    case unreadable

    public var description: String {
        switch self {
        case .stranger: "a program of another user's answers in the sentinel's place"
        case .version(let version, let own):
            "they are in a form of another version of the program (\(version), this one's is \(own))"
        case .unreadable: "the sentinel's answer can't be read"
        }
    }
}
