import Glibc
import LinuxSystem
import PacketForge
import SystemPackage
import Testing
import Wire

@testable import Converter

/// Two directions between two pairs of connected sockets, without a worker: the test says what the kernel would.
///
///     client ── left ─ toRight, toLeft ─ right ── server
///
/// What is sent is a pattern, so that what arrives tells whether it is all there, and in order.
final class PumpRig {
    typealias Kind = ConnectedPair.Kind

    private enum ReadError: Error {
        case differs(from: Int)
    }

    var toRight: HalfDuplex
    var toLeft = HalfDuplex()
    var left: Peer
    var right: Peer
    var buffers: RelayBuffers
    /// Called for each read, before what it brought is written.
    var onReceived: () -> Void = {}
    /// What is left of the last call's budget.
    private(set) var budgetLeft = 0
    /// nil once it is closed.
    private(set) var client: StreamSocket?
    private(set) var server: StreamSocket?
    var clientDescriptor: Int32 { client?.rawValue ?? -1 }
    var serverDescriptor: Int32 { server?.rawValue ?? -1 }
    private(set) var sent = 0
    private(set) var received = 0

    /// `room`: bytes that the sockets are to hold, about.
    init(
        _ kind: Kind = .unix, splices: Bool = false, chunk: Int = HalfDuplex.firstChunk, room: Int32? = nil,
        pipe: consuming SplicePipe? = nil
    ) throws {
        let first = try ConnectedPair(kind)
        let second = try ConnectedPair(kind)
        if let room {
            try first.limitRoom(room)
            try second.limitRoom(room)
        }
        left = Peer(first.near)
        client = .some(first.far)
        right = Peer(second.near)
        server = .some(second.far)
        toRight = HalfDuplex(splices: splices, chunk: chunk)
        if let pipe { buffers = RelayBuffers(pipe) } else { buffers = try RelayBuffers() }
    }

    // What `#expect` can't ask of types that aren't copied.
    var hasPending: Bool { toRight.hasPending }
    var isReading: Bool { toRight.isReading }
    var isFinished: Bool { toRight.isFinished }
    var isFinishedBack: Bool { toLeft.isFinished }
    var isReadable: Bool { left.isReadable }
    var isRightReadable: Bool { right.isReadable }
    var isBroken: Bool { right.isBroken }
    var isDeaf: Bool { right.isDeaf }
    var isPipeSound: Bool { buffers.isPipeSound }

    // MARK: - The worker's part

    /// As a worker's turn.
    static let turn = 256 << 10

    func pump(budget: Int = turn) -> HalfDuplex.Outcome {
        let before = Self.blockPipeSignal()
        defer { Self.restore(before) }
        budgetLeft = budget
        return toRight.pump(from: &left, to: &right, budget: &budgetLeft, through: &buffers) { _, _ in onReceived() }
    }

    func pumpBack() -> HalfDuplex.Outcome {
        budgetLeft = Self.turn
        return toLeft.pump(from: &right, to: &left, budget: &budgetLeft, through: &buffers) { _, _ in }
    }

    /// As a worker's thread has it: splice(2) knows no MSG_NOSIGNAL.
    private static func blockPipeSignal() -> sigset_t {
        var (mask, before) = (pipeSignal, sigset_t())
        pthread_sigmask(SIG_BLOCK, &mask, &before)
        return before
    }

    private static func restore(_ before: sigset_t) {
        var (mask, before, now) = (pipeSignal, before, timespec())
        // One that has come would come later otherwise.
        sigtimedwait(&mask, nil, &now)
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }

    private static var pipeSignal: sigset_t {
        var mask = sigset_t()
        sigemptyset(&mask)
        sigaddset(&mask, SIGPIPE)
        return mask
    }

    /// The kernel says that there is something to read at the left.
    func arrive(isFresh: Bool = false) {
        left.isReadable = true
        toRight.noteArrival(isFresh: isFresh)
    }

    // MARK: - The ends' part

    /// Sends so much of the pattern, or what there is room for; returns how much that was.
    @discardableResult
    func send(_ count: Int) -> Int {
        var done = 0
        while done < count {
            let result = Self.pattern[Self.place(sent)...].prefix(min(count - done, Self.period)).withUnsafeBytes {
                Glibc.send(clientDescriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if result <= 0 { break }
            done += result
            sent += result
        }
        return done
    }

    /// Has the server take up to so many bytes; returns how many there were. They have to continue the pattern.
    @discardableResult
    func receive(_ count: Int = .max) throws -> Int {
        var taken = 0
        var buffer = [UInt8](repeating: 0, count: Self.period)
        while taken < count {
            let result = recv(serverDescriptor, &buffer, min(buffer.count, count - taken), 0)
            if result <= 0 { break }
            guard buffer[..<result] == Self.pattern[Self.place(received)...].prefix(result) else {
                throw ReadError.differs(from: received)
            }
            taken += result
            received += result
        }
        return taken
    }

    /// A prime, so that no chunk looks like another one. Twice, so that each piece is in one place.
    private static let period = 65_521
    private static let pattern: [UInt8] = {
        var random = SplitMix64(seed: 1)
        let once = (0..<period).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        return once + once
    }()

    private static func place(_ index: Int) -> Int { index % period }

    /// Has the server take just so many bytes, for which it waits.
    func receiveAll(_ count: Int) throws {
        var left = count
        while left > 0 {
            left -= try receive(left)
            if left > 0 { try #require(ConnectedPair.wait(serverDescriptor, POLLIN)) }
        }
    }

    /// Waits until so many bytes have come to the left.
    func awaitArrival(_ count: Int) throws {
        for _ in 0..<10_000 where unread < count { usleep(1000) }
        try #require(unread >= count)
        arrive()
    }

    /// Waits until the left has something to tell: bytes, an end or a reset.
    func awaitEvent() throws {
        try #require(ConnectedPair.wait(left.socket.rawValue, POLLIN))
        arrive()
    }

    /// Waits until the left has heard of its reset.
    func awaitReset() throws {
        for _ in 0..<10_000 where !hasError { usleep(1000) }
        try #require(hasError)
        arrive()
    }

    private var hasError: Bool {
        var wanted = pollfd(fd: left.socket.rawValue, events: 0, revents: 0)
        return poll(&wanted, 1, 0) == 1 && wanted.revents & Int16(POLLERR | POLLHUP) != 0
    }

    /// Pumps, and has the server take all that comes, until there is nothing more.
    func drain() throws -> HalfDuplex.Outcome {
        for _ in 0..<10_000 {
            let outcome = pump()
            try receive()
            switch outcome {
            case .blockedWrite:
                try #require(ConnectedPair.wait(right.socket.rawValue, POLLOUT))
                right.isWritable = true
            case .budgetSpent: break
            case .blockedRead, .ended, .failed, .bytesLost: return outcome
            }
        }
        Issue.record("there is no end to it")
        return .budgetSpent
    }

    /// The same until all that was sent has arrived, also what is still on its way.
    func drainAll() throws -> HalfDuplex.Outcome {
        for _ in 0..<10_000 {
            arrive()
            let outcome = try drain()
            if outcome != .blockedRead || toRight.relayed == sent {
                try receiveAll(Int(toRight.relayed) - received)
                return outcome
            }
            usleep(1000)
        }
        Issue.record("not all has arrived")
        return .blockedRead
    }

    // What the next read of an end says.
    var serverReads: Result<Int, Errno>? { ConnectedPair.read(serverDescriptor) }
    var clientReads: Result<Int, Errno>? { ConnectedPair.read(clientDescriptor) }

    func closeClient() { client = nil }
    func closeServer() { server = nil }

    /// The client's connection ends with a reset.
    func resetClient() throws {
        // A local socket resets when it is closed with bytes that it has not read.
        var byte: UInt8 = 0
        _ = Glibc.send(left.socket.rawValue, &byte, 1, Int32(MSG_NOSIGNAL))
        try client?.setResetOnClose(true)
        client = nil
    }

    /// Bytes that wait to be read at the left, and at the server.
    var unread: Int { ConnectedPair.unread(left.socket.rawValue) }
    var unreadAtServer: Int { ConnectedPair.unread(serverDescriptor) }

    var isPipeEmpty: Bool {
        var byte: UInt8 = 0
        return systemCallResult { buffers.pipe.read(&byte, 1) } == .failure(.wouldBlock)
    }

    /// Bytes that the box's socket towards the server holds, about.
    func limitRoom(right room: Int32) throws { try right.socket.set(SOL_SOCKET, SO_SNDBUF, room) }

    /// What was sent until now arrives nowhere any more.
    func forgetSent() { received = sent }
}
