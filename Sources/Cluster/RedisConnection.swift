import CHiredis
import Glibc
import LinuxSystem
import Wire

/// The loop of the cluster's thread.
final class ClusterLoop {
    let events: EventLoop

    init() throws(SystemError) { events = try EventLoop(capacity: 16) }
}

/// What a server answers to a command.
enum RedisReply: Hashable {
    /// nil: there is no such value.
    case text([UInt8]?)
    case number(Int)
    case list([[UInt8]?])
    /// The connection has ended before an answer came.
    case none

    init?(_ reply: redisReply) {
        switch reply.type {
        case REDIS_REPLY_NIL: self = .text(nil)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: self = .text(Self.bytes(reply))
        case REDIS_REPLY_INTEGER: self = .number(Int(reply.integer))
        case REDIS_REPLY_ARRAY:
            self = .list(
                (0..<reply.elements).map { index in
                    guard let element = reply.element[index]?.pointee, element.type == REDIS_REPLY_STRING else {
                        return nil
                    }
                    return Self.bytes(element)
                })
        default: return nil
        }
    }

    static func bytes(_ reply: redisReply) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: reply.str, count: reply.len))
    }
}

/// A connection to a Redis server by hiredis's asynchronous interface, which is made anew whenever it ends. On one thread.
///
/// An answer that is an error ends it, too: what the server refuses now it may take later, and whoever uses the connection has a
/// way to tell all anew.
final class RedisConnection {
    /// Called with the tag of a command, in the order of commands. It may send more.
    var replied: (UInt64, RedisReply) -> Void = { _, _ in }
    /// Called when the connection is there, and has been let in.
    var opened: () -> Void = {}
    /// Called with the reason when an attempt fails, or the connection ends.
    var failed: (String) -> Void = { _ in }

    private(set) var isOpen = false
    /// There is a TCP connection.
    private var isConnected = false
    /// Commands that have no answer yet.
    private(set) var inFlight = 0
    private let address: RedisAddress
    private let loop: ClusterLoop
    private let tag: UInt64
    private var context: UnsafeMutablePointer<redisAsyncContext>?
    private var watched: (descriptor: Int32, interest: EventLoop.Events)?
    /// When the server was last heard, or first had something to answer.
    private var progress = MonotonicTime(nanoseconds: 0)
    private var nextAttempt = MonotonicTime(nanoseconds: 0)
    private var pause = RedisConnection.shortestPause
    /// What has gone wrong in a callback: there nothing can be closed.
    private var fault: String?
    private var isClosing = false

    /// A server that says nothing for so long is taken to be gone.
    static let patience = Duration.seconds(1)
    static let shortestPause = Duration.milliseconds(100)
    /// After a server that refuses.
    static let longestPause = Duration.seconds(5)
    /// Of its own commands.
    private static let ownTag = UInt64.max
    /// Of the last of them: when it is answered, the others are, too.
    private static let pingTag = UInt64.max - 1

    /// `tag` comes with its events from the loop.
    init(_ address: RedisAddress, _ loop: ClusterLoop, tag: UInt64) {
        self.address = address
        self.loop = loop
        self.tag = tag
    }

    /// Sends a command; without a connection, nothing happens. It leaves with the next `flush`.
    func send(_ words: [[UInt8]], tag: UInt64) {
        guard let context, !isClosing else { return }
        if inFlight == 0 { progress = .now }
        let lengths = words.map(\.count)
        let all = words.flatMap(\.self)
        let status = all.withUnsafeBufferPointer { all in
            var position = all.baseAddress.map { UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }
            var pointers = lengths.map { length in
                defer { position = position?.advanced(by: length) }
                return position
            }
            return redisAsyncCommandArgv(
                context, { RedisConnection.heard($0, $1, $2) }, UnsafeMutableRawPointer(bitPattern: UInt(tag)),
                Int32(words.count), &pointers, lengths)
        }
        if status == REDIS_OK { inFlight += 1 } else { fault = fault ?? "hiredis refuses a command" }
    }

    /// Writes what has been sent, instead of in the loop's next turn.
    func flush() {
        if let context, isConnected, watched?.interest.contains(.writable) == true { redisAsyncHandleWrite(context) }
        closeAtFault()
    }

    /// The descriptor has news.
    func handle(_ events: EventLoop.Events) {
        if let context, !events.isDisjoint(with: [.writable, .error, .hangup]),
            watched?.interest.contains(.writable) == true
        {
            redisAsyncHandleWrite(context)
        }
        // It may have ended meanwhile.
        if let context, isConnected, !events.isDisjoint(with: [.readable, .error, .hangup]) {
            redisAsyncHandleRead(context)
        }
        closeAtFault()
    }

    /// Connects if it is time for it, and gives up on a server that says nothing. Returns when to be called again.
    func turn(at now: MonotonicTime) -> MonotonicTime {
        closeAtFault()
        if context == nil {
            guard nextAttempt <= now else { return nextAttempt }
            connect(at: now)
        } else if !isOpen || inFlight > 0, progress + Self.patience <= now {
            fault = "no answer for \(Self.patience.milliseconds) ms"
            closeAtFault()
        }
        return context == nil ? nextAttempt : !isOpen || inFlight > 0 ? progress + Self.patience : now + .seconds(60)
    }

    /// Ends it, without another attempt.
    func close() {
        isClosing = true
        nextAttempt = MonotonicTime(nanoseconds: .max)
        if let context { redisAsyncFree(context) }
    }

    private func connect(at now: MonotonicTime) {
        nextAttempt = now + pause
        progress = now
        guard let new = redisAsyncConnect(address.server.address.description, Int32(address.server.port)) else {
            return failed("hiredis has no memory")
        }
        guard new.pointee.err == 0 else {
            let reason = Self.reason(new)
            redisAsyncFree(new)
            return failed(reason)
        }
        context = new
        let this = Unmanaged.passUnretained(self).toOpaque()
        new.pointee.data = this
        new.pointee.ev.data = this
        new.pointee.ev.addRead = { RedisConnection.of($0).want(.readable, true) }
        new.pointee.ev.delRead = { RedisConnection.of($0).want(.readable, false) }
        new.pointee.ev.addWrite = { RedisConnection.of($0).want(.writable, true) }
        new.pointee.ev.delWrite = { RedisConnection.of($0).want(.writable, false) }
        new.pointee.ev.cleanup = { RedisConnection.of($0).ended() }
        redisAsyncSetConnectCallback(new) { context, status in
            if status == REDIS_OK, let context { RedisConnection.of(context.pointee.data).connected() }
        }
    }

    private func connected() {
        isConnected = true
        inFlight = 0
        var words: [[String]] = []
        if let password = address.password { words.append(["AUTH"] + [address.user, password].compactMap(\.self)) }
        if address.database != 0 { words.append(["SELECT", "\(address.database)"]) }
        for command in words { send(command.map { Array($0.utf8) }, tag: Self.ownTag) }
        send([Array("PING".utf8)], tag: Self.pingTag)
    }

    private func want(_ event: EventLoop.Events, _ on: Bool) {
        guard let descriptor = context?.pointee.c.fd else { return }
        var interest = watched?.interest ?? []
        if on { interest.insert(event) } else { interest.remove(event) }
        guard interest != watched?.interest else { return }
        do {
            if watched == nil {
                try loop.events.add(descriptor, interest, tag: tag)
            } else {
                try loop.events.change(descriptor, interest, tag: tag)
            }
            watched = (descriptor, interest)
        } catch {
            fault = fault ?? "\(error)"
        }
    }

    /// hiredis is done with it, and closes the descriptor.
    private func ended() {
        guard let context else { return }
        if let watched { loop.events.remove(watched.descriptor) }
        let reason = fault ?? Self.reason(context)
        watched = nil
        self.context = nil
        isOpen = false
        isConnected = false
        inFlight = 0
        fault = nil
        guard !isClosing else { return }
        nextAttempt = .now + pause
        failed(reason)
    }

    private func closeAtFault() {
        guard fault != nil else { return }
        if let context { redisAsyncFree(context) } else { fault = nil }
    }

    private func took(_ tag: UInt64, _ reply: UnsafeMutablePointer<redisReply>?) {
        let isOwn = tag == Self.ownTag || tag == Self.pingTag
        guard let reply else {
            if !isOwn { replied(tag, .none) }
            return
        }
        inFlight -= 1
        progress = .now
        if reply.pointee.type == REDIS_REPLY_ERROR {
            if fault == nil { pause = min(pause * 2, Self.longestPause) }
            fault = fault ?? "it answers \(Self.text(RedisReply.bytes(reply.pointee)))"
            if !isOwn { replied(tag, .none) }
        } else if tag == Self.pingTag {
            isOpen = fault == nil
            if isOpen { opened() }
        } else if !isOwn {
            pause = Self.shortestPause
            replied(tag, RedisReply(reply.pointee) ?? .none)
        }
    }

    // MARK: hiredis

    private static func heard(
        _ context: UnsafeMutablePointer<redisAsyncContext>?, _ reply: UnsafeMutableRawPointer?,
        _ tag: UnsafeMutableRawPointer?
    ) {
        guard let context else { return }
        of(context.pointee.data).took(
            UInt64(UInt(bitPattern: tag)), reply?.assumingMemoryBound(to: redisReply.self))
    }

    private static func of(_ data: UnsafeMutableRawPointer?) -> RedisConnection {
        Unmanaged<RedisConnection>.fromOpaque(data!).takeUnretainedValue()
    }

    private static func reason(_ context: UnsafeMutablePointer<redisAsyncContext>) -> String {
        withUnsafeBytes(of: context.pointee.c.errstr) { bytes in
            let text = text(Array(bytes.prefix { $0 != 0 }))
            return text.isEmpty ? "it has ended the connection" : text
        }
    }

    /// What a server says goes to logs and terminals.
    private static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix(200).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}

extension Duration {
    var milliseconds: Int { Int(self / .milliseconds(1)) }
}
