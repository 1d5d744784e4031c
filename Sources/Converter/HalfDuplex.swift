import Glibc
import LinuxSystem
import SystemPackage

/// One direction of a session: what its source sends is read and written to its destination at once. What that one does not
/// take is kept, one chunk at most, and nothing more is read until it has gone: backpressure reaches the sender through the
/// kernel's own windows. While nothing waits it holds no buffer.
///
///     open ──▶ ended ──▶ finished
///       └────────┴──────────┴──▶ failed
///
/// It knows two sockets and what a worker lends it. What else there is to be done, its caller learns by an `Outcome`.
struct HalfDuplex: ~Copyable {
    private enum State {
        case open
        /// The stream has ended in order.
        case ended
        /// The end has been passed on to the destination.
        case finished
        /// The source was reset or lost, or bytes were.
        case failed
    }

    /// Why a call has returned.
    enum Outcome: Equatable {
        /// There is nothing to read until the kernel says so.
        case blockedRead
        /// Bytes wait for the destination; `hasKept`: some that this call has read.
        case blockedWrite(hasKept: Bool)
        /// There may be more to read.
        case budgetSpent
        /// The source has ended, and so has the stream to the destination.
        case ended
        /// The source was reset or lost, and what it had sent before has been written; or writing to the destination has failed
        /// just now: what still comes is discarded, by further calls.
        case failed(End)
        /// The pipe lacks bytes that were put in, which the destination will therefore miss. Nothing more may be written.
        case bytesLost
    }

    enum End {
        case source
        case destination
    }

    static let smallestChunk = 16 << 10
    static let firstChunk = 64 << 10
    static let largestChunk = 256 << 10

    /// The first fresh read is timed, and then one of so many: counted for each direction by itself, since what alternates
    /// would always have the same one timed.
    private static let sampling = 16

    private var state = State.open
    /// Does it move large chunks by the pipe? Out of an MPTCP socket that is slow: the kernel has no splice_read of its own for
    /// it (net/mptcp/protocol.c).
    private let splices: Bool
    /// How much to read at a time: grows while the destination takes all, shrinks when it doesn't, so that a slow receiver
    /// holds little memory.
    private(set) var chunk: Int
    /// A buffer whose bytes in `pendingRange` are read but not yet written.
    private var pending: UnsafeMutableRawBufferPointer?
    private var pendingRange = 0..<0
    /// Bytes written to the destination.
    private(set) var relayed: UInt64 = 0
    /// What there is to read has waited for nobody but this box.
    private var isFresh = false
    /// Fresh reads to be made before one is timed.
    private var readsToSample = 0
    private var delay: UInt64?

    init(splices: Bool = false, chunk: Int = firstChunk) {
        self.splices = splices
        self.chunk = chunk
    }

    /// A session's are given back before (`discardPending`).
    deinit { pending?.deallocate() }

    /// Gives up what waits.
    mutating func discardPending(_ buffers: inout PendingBuffers) {
        if let pending = pending.take() { buffers.giveBack(pending) }
    }

    /// Where bytes wait for the destination, and where in the stream that buffer begins.
    var waiting: (buffer: UnsafeMutableRawBufferPointer, base: UInt64)? {
        pending.map { ($0, relayed - UInt64(pendingRange.lowerBound)) }
    }

    /// As it is handed over, and as it goes on elsewhere.
    var record: SessionRecord.Direction {
        var record = SessionRecord.Direction()
        record.state =
            switch state {
            case .open: .open
            case .ended: .ended
            case .finished: .finished
            case .failed: .failed
            }
        record.chunk = UInt32(chunk)
        record.relayed = relayed
        if let pending { record.pending = Array(pending[pendingRange]) }
        return record
    }

    init(splices: Bool = false, _ record: SessionRecord.Direction, _ buffers: inout PendingBuffers) {
        self.splices = splices
        chunk = Int(record.chunk)
        relayed = record.relayed
        state =
            switch record.state {
            case .open: .open
            case .ended: .ended
            case .finished: .finished
            case .failed: .failed
            }
        guard !record.pending.isEmpty else { return }
        let copy = buffers.take(record.pending.count)
        copy.copyBytes(from: record.pending)
        pending = copy
        pendingRange = 0..<record.pending.count
    }

    /// Do bytes wait for the destination?
    var hasPending: Bool { pending != nil }

    /// Is the source read from? While it isn't, no read tells of its reset.
    var isReading: Bool { state == .open && pending == nil }

    /// The end of the stream has been passed on.
    var isFinished: Bool { state == .finished }

    /// There are bytes to read; `isFresh`: they have waited for nobody but this box.
    mutating func noteArrival(isFresh: Bool) { self.isFresh = isFresh }

    /// How long bytes have taken from the kernel's having them until all had been written, in nanoseconds; once for each read
    /// that was timed.
    mutating func takeDelay() -> UInt64? { delay.take() }

    /// Reads and writes until there is a reason to return.
    ///
    /// - Parameters:
    ///   - budget: Bytes that may be read; what is read is taken off. The last read may exceed it.
    ///   - received: Called after each read that brought bytes, before they are written.
    mutating func pump(
        from source: inout Peer, to destination: inout Peer, budget: inout Int, through buffers: inout RelayBuffers,
        received: (_ source: borrowing Peer, _ destination: borrowing Peer) -> Void
    ) -> Outcome {
        let wasBroken = destination.isBroken
        var hasKept = false
        while true {
            let isWritten = pending == nil || writePending(to: &destination, &buffers)
            if destination.isBroken != wasBroken { return .failed(.destination) }
            guard isWritten else { return .blockedWrite(hasKept: hasKept) }
            guard state == .open else { return finish(source, destination) }
            guard source.isReadable else { return .blockedRead }
            guard budget > 0 else { return .budgetSpent }
            switch read(from: &source, to: destination, &buffers) {
            case .nothing: continue
            case .failure: return fail(.failed(.source))
            case .bytes(let bytes):
                budget -= bytes.count
                received(source, destination)
                // Deaf, it would not hear that they have arrived.
                destination.setDeaf(false)
                // A broken destination takes nothing more; reading on finds the source's own end.
                guard !destination.isBroken else { continue }
                guard let written = passOn(bytes, to: &destination, &buffers) else { return fail(.bytesLost) }
                if written < bytes.count, !destination.isBroken {
                    keep(UnsafeRawBufferPointer(rebasing: buffers.scratch[written..<bytes.count]), &buffers)
                    hasKept = true
                } else if bytes.isFull {
                    grow()
                }
            }
        }
    }

    // MARK: - Reading

    private struct Bytes {
        let count: Int
        /// As many as were asked for.
        let isFull: Bool
        /// In the pipe; else in the scratch buffer.
        let isSpliced: Bool
        /// When the last one came, in nanoseconds since 1970; 0: not known.
        let arrival: Int64
    }

    private enum Reading {
        case bytes(Bytes)
        case nothing
        case failure
    }

    /// Reads one chunk.
    private mutating func read(
        from source: inout Peer, to destination: borrowing Peer, _ buffers: inout RelayBuffers
    ) -> Reading {
        let descriptor = source.socket.rawValue
        let wanted = chunk
        let scratch = buffers.scratch.baseAddress!
        buffers.noteMove(from: relayed)
        var arrival: Int64 = 0
        let isTimed = takeTurnToTime()
        var isSpliced = !isTimed && isWorthSplicing(to: destination, buffers)
        var result: Result<Int, Errno>
        if isTimed {
            result = systemCallResult { source.socket.receiveStamped(scratch, wanted, time: &arrival) }
        } else if isSpliced {
            result = systemCallResult { buffers.pipe.fill(from: descriptor, wanted) }
        } else {
            result = systemCallResult { recv(descriptor, scratch, wanted, 0) }
        }
        // Before an urgent byte splice gives the same answers as at the end of all that has come, or of the stream;
        // recv goes on with that byte (net/ipv4/tcp.c, tcp_read_sock and SO_OOBINLINE). An error is told once.
        if isSpliced, result == .success(0) || result == .failure(.wouldBlock) {
            isSpliced = false
            result = systemCallResult { recv(descriptor, scratch, wanted, 0) }
        }
        switch result {
        case .success(0):
            // A reset right behind the end of the stream comes with the same event, and no further one tells of it.
            guard !source.isBroken, source.socket.pendingError() == nil else { return .failure }
            state = .ended
            return .nothing
        case .success(let count):
            return .bytes(Bytes(count: count, isFull: count == wanted, isSpliced: isSpliced, arrival: arrival))
        case .failure(.wouldBlock) where !source.isBroken:
            source.isReadable = false
            return .nothing
        case .failure: return .failure
        }
    }

    /// Are bytes to be moved without a copy to this process? Once the chunk has grown, until the destination takes less.
    private func isWorthSplicing(to destination: borrowing Peer, _ buffers: borrowing RelayBuffers) -> Bool {
        splices && chunk > Self.firstChunk && destination.isWritable && !destination.isBroken && buffers.isPipeSound
    }

    /// Is the next read to be timed? One that gives no figure leaves the turn to the next.
    private mutating func takeTurnToTime() -> Bool {
        guard isFresh else { return false }
        isFresh = false
        guard readsToSample > 0 else { return true }
        readsToSample -= 1
        return false
    }

    /// A clock that has been set back makes no figure.
    private mutating func noteDelay(since arrival: Int64) {
        let time = WallClock.nanoseconds - arrival
        guard time >= 0 else { return }
        readsToSample = Self.sampling - 1
        delay = UInt64(time)
    }

    // MARK: - Writing

    /// Writes as much as the destination takes; returns how much that was. The rest is then in the scratch buffer, where it was
    /// read to or would have been. nil: some of it is nowhere.
    private mutating func passOn(_ bytes: Bytes, to destination: inout Peer, _ buffers: inout RelayBuffers) -> Int? {
        let count = bytes.count
        let written: Int
        if bytes.isSpliced {
            written = destination.write(count) { buffers.pipe.drain(to: $0, count - $1) }
            relayed += UInt64(written)
            guard buffers.emptyPipe(count, into: written) == count else {
                buffers.isPipeSound = false
                return nil
            }
        } else {
            written = write(UnsafeRawBufferPointer(rebasing: buffers.scratch[..<count]), to: &destination)
        }
        // What had to wait for the destination tells of that one, not of this box.
        if bytes.arrival != 0, written == count { noteDelay(since: bytes.arrival) }
        return written
    }

    private mutating func write(_ bytes: UnsafeRawBufferPointer, to destination: inout Peer) -> Int {
        let written = destination.write(bytes.count) { descriptor, written in
            Glibc.send(descriptor, bytes.baseAddress! + written, bytes.count - written, Int32(MSG_NOSIGNAL))
        }
        relayed += UInt64(written)
        return written
    }

    /// true when nothing is pending any more.
    private mutating func writePending(to destination: inout Peer, _ buffers: inout RelayBuffers) -> Bool {
        guard let pending else { return true }
        let written = write(UnsafeRawBufferPointer(rebasing: pending[pendingRange]), to: &destination)
        let isAll = written == pendingRange.count
        pendingRange = pendingRange.dropFirst(written)
        guard isAll || destination.isBroken else { return false }
        buffers.noteNothingWaits()
        buffers.pending.giveBack(pending)
        self.pending = nil
        return true
    }

    private mutating func keep(_ rest: UnsafeRawBufferPointer, _ buffers: inout RelayBuffers) {
        let copy = buffers.pending.take(rest.count)
        copy.copyMemory(from: rest)
        buffers.noteWaiting(in: copy, from: relayed)
        pending = copy
        pendingRange = 0..<rest.count
        chunk = max(chunk / 2, Self.smallestChunk)
    }

    /// All that was asked for has come, and has been taken.
    private mutating func grow() {
        chunk = min(chunk * 2, Self.largestChunk)
    }

    // MARK: - Ends

    /// The source has ended in order, and all it sent has been written: ends the stream to the destination likewise
    /// (half-close). A source that has failed since is not waited for.
    private mutating func finish(_ source: borrowing Peer, _ destination: borrowing Peer) -> Outcome {
        if source.isBroken { return fail(.failed(.source)) }
        guard state == .ended else { return state == .finished ? .ended : .failed(.source) }
        state = .finished
        if !destination.isBroken { destination.socket.endStream() }
        return .ended
    }

    private mutating func fail(_ outcome: Outcome) -> Outcome {
        state = .failed
        return outcome
    }
}
