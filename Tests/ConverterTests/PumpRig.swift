import Glibc
import LinuxSystem
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
    enum Kind: CaseIterable {
        case unix
        case tcp
    }

    private enum ReadError: Error {
        case differs(at: Int)
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
        let first = try Self.pair(kind)
        let second = try Self.pair(kind)
        if let room {
            for socket in [first.near.rawValue, first.far.rawValue, second.near.rawValue, second.far.rawValue] {
                Self.setOption(socket, SO_SNDBUF, room)
            }
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
        let bytes = (sent..<sent + count).map(Self.pattern)
        var done = 0
        while done < count {
            let result = bytes[done...].withUnsafeBytes {
                Glibc.send(clientDescriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if result <= 0 { break }
            done += result
        }
        sent += done
        return done
    }

    /// Has the server take up to so many bytes; returns how many there were. They have to continue the pattern.
    @discardableResult
    func receive(_ count: Int = .max) throws -> Int {
        var taken = 0
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while taken < count {
            let result = recv(serverDescriptor, &buffer, min(buffer.count, count - taken), 0)
            if result <= 0 { break }
            for index in 0..<result where buffer[index] != Self.pattern(received + index) {
                throw ReadError.differs(at: received + index)
            }
            taken += result
            received += result
        }
        return taken
    }

    /// Has the server take just so many bytes, for which it waits.
    func receiveAll(_ count: Int) throws {
        var left = count
        while left > 0 {
            left -= try receive(left)
            if left > 0 { try #require(Self.wait(serverDescriptor, POLLIN)) }
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
        try #require(Self.wait(left.socket.rawValue, POLLIN))
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
                try #require(Self.wait(right.socket.rawValue, POLLOUT))
                right.isWritable = true
            case .budgetSpent, .outgrown: break
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

    /// What the next read of an end says: nil that there is nothing, 0 the end of the stream.
    static func read(_ descriptor: Int32) -> Result<Int, Errno>? {
        var byte: UInt8 = 0
        let result = systemCallResult { recv(descriptor, &byte, 1, 0) }
        return result == .failure(.wouldBlock) ? nil : result
    }

    var serverReads: Result<Int, Errno>? { Self.read(serverDescriptor) }
    var clientReads: Result<Int, Errno>? { Self.read(clientDescriptor) }

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
    var unread: Int { Self.unread(left.socket.rawValue) }
    var unreadAtServer: Int { Self.unread(serverDescriptor) }

    /// What there is to read, as text.
    static func waiting(on descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }

    var isPipeEmpty: Bool {
        var byte: UInt8 = 0
        return systemCallResult { buffers.pipe.read(&byte, 1) } == .failure(.wouldBlock)
    }

    /// Bytes that the box's socket towards the server holds, about.
    func limitRoom(right: Int32) { Self.setOption(self.right.socket.rawValue, SO_SNDBUF, right) }

    /// What was sent until now arrives nowhere any more.
    func forgetSent() { received = sent }

    // MARK: - Sockets

    private struct Pair: ~Copyable {
        let near: StreamSocket
        let far: StreamSocket
    }

    private static func pair(_ kind: Kind) throws -> Pair {
        switch kind {
        case .unix:
            var ends: [Int32] = [-1, -1]
            let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
            try systemCall("socketpair") { socketpair(AF_UNIX, type, 0, &ends) }
            return Pair(
                near: StreamSocket(owning: Descriptor(owning: ends[0])),
                far: StreamSocket(owning: Descriptor(owning: ends[1])))
        case .tcp:
            let loopback = Endpoint("127.0.0.1:0")!
            let listener = try StreamSocket.open(.tcp, for: loopback.address)
            try listener.bind(to: loopback)
            try listener.listen(backlog: 1)
            let far = try StreamSocket.open(.tcp, for: loopback.address)
            let standing = listener.localEndpoint
            try far.connect(to: try #require(standing))
            try #require(wait(listener.rawValue, POLLIN))
            let near = try StreamSocket.accept(listener.rawValue).take()
            for descriptor in [near.rawValue, far.rawValue] {
                var on: Int32 = 1
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            }
            try near.set(SOL_SOCKET, SO_OOBINLINE, 1)
            return Pair(near: near, far: far)
        }
    }

    /// Waits for what the kernel does in its own time, ten seconds at most.
    static func wait(_ descriptor: Int32, _ events: Int32) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&wanted, 1, 10_000) == 1
    }

    private static func unread(_ descriptor: Int32) -> Int {
        var count: Int32 = 0
        _ = ioctl(descriptor, UInt(FIONREAD), &count)
        return Int(count)
    }

    private static func setOption(_ descriptor: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func pattern(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: index &* 7 &+ index >> 8 &+ index >> 16) }
}
