public import CLinux
import SystemPackage

/// Memory that a daemon shares with its sentinel, in which it says where its sessions' sockets are, and the bytes of theirs that are
/// in no socket. A daemon that comes after a crash reads it (`KeptSessions`). Its form is in CLinux/include/Register.h.
public final class SessionRegister: Sendable {
    private nonisolated(unsafe) let memory: UnsafeMutableRawPointer
    public let descriptor: Int32
    private let workers: Int

    /// Of a worker; where a session is behind them, or bytes have to wait beyond them, a crash ends the session.
    static let placesOfAWorker = 4096

    public init(workers: Int, sessions: Int) throws(SystemError) {
        let page = 4096
        let workerSize =
            MemoryLayout<sluice_register_worker>.size + sessions * MemoryLayout<sluice_register_session>.size
        var head = sluice_register()
        head.version = UInt32(SLUICE_REGISTER_VERSION)
        head.workers = UInt32(workers)
        head.sessions = UInt32(sessions)
        head.places = UInt32(Self.placesOfAWorker)
        head.worker_stride = UInt64((workerSize + page - 1) / page * page)
        head.places_offset = UInt64(SLUICE_REGISTER_HEAD) + UInt64(workers) * head.worker_stride
        head.places_stride = UInt64(Self.placesOfAWorker) * UInt64(SLUICE_REGISTER_PLACE)
        head.size = head.places_offset + UInt64(workers) * head.places_stride
        var memory: UnsafeMutableRawPointer?
        descriptor = try systemCall("memfd_create") { sluice_register_new(Int(head.size), &memory) }
        self.memory = memory!
        self.workers = workers
        memory!.storeBytes(of: head, as: sluice_register.self)
    }

    /// What the sentinel shares, for as long as this object is there.
    public var shared: UnsafeMutablePointer<sluice_register> {
        memory.assumingMemoryBound(to: sluice_register.self)
    }

    /// Notes what the daemon has from its start to its end, and how it was made. Returns whether there is room for it.
    public func lay(_ foundations: [Int32], offer: [UInt8]) -> Bool {
        guard foundations.count <= Int(SLUICE_REGISTER_FOUNDATIONS), offer.count <= Int(SLUICE_REGISTER_OFFER) else {
            return false
        }
        sluice_register_lay(shared, foundations, UInt32(foundations.count), offer, UInt32(offer.count))
        return true
    }

    /// One of them has been made anew; to be called while both are open.
    public func replaceFoundation(_ old: Int32, by new: Int32) {
        sluice_register_replace_foundation(shared, old, new)
    }

    /// The daemon is at work: what is noted from now on is worth keeping.
    public func arm() { sluice_store_release(&shared.pointee.armed, 1) }

    /// A worker's part, for its thread alone.
    public func worker(_ index: Int) -> Worker {
        precondition(index < workers)
        let head = sluice_register_worker_at(memory, UInt32(index))!
        return Worker(
            self, head: head, sessions: sluice_register_sessions_of(head), count: Int(shared.pointee.sessions),
            places: sluice_register_places_of(memory, UInt32(index)))
    }

    public struct Worker {
        /// To the server, to the client.
        public typealias Direction = Int

        private let register: SessionRegister
        private let head: UnsafeMutablePointer<sluice_register_worker>
        private let sessions: UnsafeMutablePointer<sluice_register_session>
        private let count: Int
        /// The first one is for bytes on their way, the others for bytes that wait.
        private let places: UnsafeMutableRawPointer

        fileprivate init(
            _ register: SessionRegister, head: UnsafeMutablePointer<sluice_register_worker>,
            sessions: UnsafeMutablePointer<sluice_register_session>, count: Int, places: UnsafeMutableRawPointer
        ) {
            self.register = register
            self.head = head
            self.sessions = sessions
            self.count = count
            self.places = places
        }

        public static let placeSize = Int(SLUICE_REGISTER_PLACE)
        public var placeCount: Int { SessionRegister.placesOfAWorker }

        /// Where bytes are that have just been read.
        public var scratch: UnsafeMutableRawBufferPointer { place(0) }

        public func place(_ index: Int) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(start: places + index * Self.placeSize, count: Self.placeSize)
        }

        /// nil for memory that is none of the places.
        public func index(of buffer: UnsafeMutableRawBufferPointer) -> Int? {
            let offset = buffer.baseAddress! - places
            guard offset >= 0, offset < placeCount * Self.placeSize else { return nil }
            return offset / Self.placeSize
        }

        /// Gives the kernel the place's memory back.
        public func release(_ index: Int) { sluice_register_release(places + index * Self.placeSize) }

        public func note(pipe: borrowing SplicePipe) { head.pointee.pipe.0 = pipe.outputDescriptor }

        /// Has a session found again after a crash. Returns false where there is no room for it.
        @discardableResult
        public func keep(_ slot: Int, _ record: [UInt8], client: Int32, server: Int32) -> Bool {
            guard slot < count, record.count <= Int(SLUICE_REGISTER_RECORD) else { return false }
            if slot >= Int(head.pointee.used) { sluice_store_release(&head.pointee.used, UInt32(slot + 1)) }
            forget(slot)
            sluice_register_keep(sessions + slot, client, server, record, UInt32(record.count))
            return true
        }

        /// To be called before one of its sockets is closed, and as soon as bytes of it are given up.
        public func forget(_ slot: Int) {
            guard slot < Int(head.pointee.used) else { return }
            sluice_register_forget(sessions + slot)
        }

        /// Bytes of this direction are about to be read into the scratch place or the pipe; so many of it have gone before.
        public func noteMove(_ slot: Int, _ direction: Direction, from base: UInt64) {
            sluice_register_note_move(head, UInt64(slot * 2 + direction + 1), base)
        }

        /// Bytes of this direction wait in a buffer that begins at `base` of its stream.
        public func noteWaiting(
            _ slot: Int, _ direction: Direction, in buffer: UnsafeMutableRawBufferPointer, from base: UInt64
        ) {
            guard slot < Int(head.pointee.used) else { return }
            sluice_register_note_waiting(sessions + slot, UInt32(direction), UInt32(index(of: buffer) ?? 0), base)
        }

        /// To be called before the buffer is used for something else.
        public func noteNothingWaits(_ slot: Int, _ direction: Direction) {
            guard slot < Int(head.pointee.used) else { return }
            sluice_register_note_waiting(sessions + slot, UInt32(direction), 0, 0)
        }
    }
}
