import Glibc
import LinuxSystem
import Logging
import Synchronization
import SystemPackage
import Testing
import Wire

@testable import Converter

/// A worker on a thread of its own, with sessions between sockets on loopback. There are no queues, rules or listeners, and
/// no root is needed.
///
///     client ── clientEnd ─ session ─ serverEnd ── server
final class RelayRig {
    /// What the worker is to find when it starts.
    struct Plan {
        var clients = StreamSocket.TransportProtocol.mptcp
        var sessions = 1
        /// Does what comes from servers go by the pipe at once, but for the first read, which is timed?
        var splices = false
        /// Closing resets, as the daemon sets its sockets up.
        var resetsOnClose = true
        /// How long a server is left idle before it is probed.
        var serverKeepalive: Duration?
        /// Does the pipe keep what is put into it?
        var pipeLosesAll = false
    }

    /// Whether clients' probes are not to be answered, as the worker has said, one thing after the other.
    final class Silences: Sendable {
        private let list = Mutex<[Bool]>([])

        var all: [Bool] { list.withLock { $0 } }

        func note(_ tuple: FourTuple, _ on: Bool) { list.withLock { $0.append(on) } }
    }

    /// A session's client and server.
    final class Ends: Sendable {
        let client: StreamSocket
        let server: StreamSocket

        init(client: consuming StreamSocket, server: consuming StreamSocket) {
            self.client = client
            self.server = server
        }
    }

    private struct Pair: ~Copyable {
        let connecting: StreamSocket
        let accepted: StreamSocket
    }

    let shared: Shared
    let mailbox: Mailbox<Worker.Message>
    private(set) var tuples: [FourTuple] = []
    /// The box's ends of the connections to servers.
    private(set) var upstreams: [Endpoint] = []
    let silences = Silences()
    private var ends: [Ends] = []
    private var near: [(client: Int32, server: Int32)] = []
    private let thread: LoopThread
    private var ending: LoopThread.Ending?

    init(_ plan: Plan = Plan()) throws {
        mailbox = try Mailbox()
        thread = try LoopThread(named: "relay rig")
        let setting = Self.setting(plan)
        shared = Shared(
            setting, log: Logger(label: "relay rig"), mailboxes: [mailbox], outcome: { _, _ in },
            accepted: { _, _ in }, ended: { _ in }, silence: silences.note)
        var sockets: [(client: HandedSocket, server: HandedSocket)] = []
        for number in 0..<plan.sessions {
            let client = try Self.pair(plan.clients, near: .client, setting)
            let server = try Self.pair(.tcp, near: .server, setting)
            Self.block(client.connecting.rawValue)
            Self.block(server.accepted.rawValue)
            // The box accepts clients and connects to servers.
            near.append((client.accepted.rawValue, server.connecting.rawValue))
            let upstream = server.connecting.localEndpoint
            upstreams.append(try #require(upstream))
            ends.append(Ends(client: client.connecting, server: server.accepted))
            sockets.append((HandedSocket(client.accepted), HandedSocket(server.connecting)))
            tuples.append(Self.tuple(number))
        }
        let (shared, mailbox, tuples) = (shared, mailbox, tuples)
        ending = try thread.add { place throws(SystemError) in
            let worker = try Worker(shared, index: 0, mailbox: mailbox, place: place)
            if plan.pipeLosesAll { worker.buffers = RelayBuffers(try Self.leakingPipe()) }
            for (index, tuple) in tuples.enumerated() {
                let session = worker.sessions.insert(tuple, phase: .relaying, now: .now)
                session.client = Peer(sockets[index].client.take()!)
                session.server = Peer(sockets[index].server.take()!)
                session.hasClient = true
                shared.sessionBegan()
                for side in [Session.Side.client, .server] {
                    try session[side]?.socket.setResetOnClose(plan.resetsOnClose)
                    try worker.register(session, side)
                }
                session.toClient = HalfDuplex(
                    splices: true, chunk: plan.splices ? HalfDuplex.largestChunk : HalfDuplex.firstChunk)
            }
            return worker
        }
        try thread.start()
    }

    deinit {
        mailbox.post(.stop)
        ending?.wait()
        thread.join()
    }

    func ends(_ session: Int = 0) -> Ends { ends[session] }
    func client(_ session: Int = 0) -> Int32 { ends[session].client.rawValue }
    func server(_ session: Int = 0) -> Int32 { ends[session].server.rawValue }
    /// The worker's own sockets, as long as the session lasts.
    func nearClient(_ session: Int = 0) -> Int32 { near[session].client }
    func nearServer(_ session: Int = 0) -> Int32 { near[session].server }

    static func tuple(_ number: Int) -> FourTuple {
        FourTuple(
            client: Endpoint(address: IPAddress("10.1.0.2")!, port: UInt16(40000 + number)),
            server: Endpoint("10.9.0.2:80")!)
    }

    static func send(_ text: String, on descriptor: Int32, flags: Int32 = 0) throws {
        let count = try systemCall("send") { Glibc.send(descriptor, text, text.utf8.count, flags) }
        try #require(count == text.utf8.count)
    }

    /// So many bytes, or fewer at the end of the stream.
    static func receive(_ count: Int, on descriptor: Int32) throws(SystemError) -> String {
        var received: [UInt8] = []
        while received.count < count {
            var buffer = [UInt8](repeating: 0, count: count - received.count)
            let some = try systemCall("recv") { recv(descriptor, &buffer, buffer.count, 0) }
            if some == 0 { break }
            received += buffer[..<some]
        }
        return String(decoding: received, as: UTF8.self)
    }

    /// What the next read of a side says; nil: bytes, or the end of the stream.
    static func failure(on descriptor: Int32) -> Errno? {
        do {
            _ = try receive(1, on: descriptor)
            return nil
        } catch {
            return error.errno
        }
    }

    /// `near`: the side that the worker's end is of. It is made as the daemon makes it: a client's by the listener, a server's
    /// before it connects.
    private static func pair(
        _ transport: StreamSocket.TransportProtocol, near side: Session.Side, _ setting: ConverterSetting
    ) throws -> Pair {
        let loopback = try #require(Endpoint("127.0.0.1:0"))
        let listener = try StreamSocket.open(transport, for: loopback.address)
        if side == .client { try setting.prepare(listener, towards: .client) }
        try listener.bind(to: loopback)
        try listener.listen(backlog: 1)
        let connecting = try StreamSocket.open(transport, for: loopback.address)
        if side == .server { try setting.prepare(connecting, towards: .server) }
        let standing = listener.localEndpoint
        try connecting.connect(to: try #require(standing))
        var ready = pollfd(fd: listener.rawValue, events: Int16(POLLIN), revents: 0)
        try #require(poll(&ready, 1, 5000) == 1)
        return Pair(connecting: connecting, accepted: try StreamSocket.accept(listener.rawValue).take())
    }

    /// The tests' own ends block, for ten seconds at most.
    private static func block(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, 0)
        limitReads(descriptor, seconds: 10)
    }

    static func limitReads(_ descriptor: Int32, seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// What goes in at one end comes out nowhere.
    static func leakingPipe() throws(SystemError) -> SplicePipe {
        let open = { () throws(SystemError) -> (output: Int32, input: Int32) in
            var ends: [Int32] = [-1, -1]
            try systemCall("pipe") { pipe(&ends) }
            for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
            return (ends[0], ends[1])
        }
        let (full, empty) = (try open(), try open())
        // The ends that nobody uses have to stay open, or splice and read would fail otherwise.
        return SplicePipe(output: Descriptor(owning: empty.output), input: Descriptor(owning: full.input))
    }

    private static func setting(_ plan: Plan) -> ConverterSetting {
        ConverterSetting(
            listenAddress: IPAddress("127.77.0.1")!, listenAddress6: IPAddress("::1")!, mark: .standard,
            groups: .standard,
            workers: 1,
            dialTimeout: .seconds(5), clientTimeout: .seconds(5), listenerIdle: .seconds(60), idleTimeout: nil,
            clientKeepalive: nil, serverKeepalive: plan.serverKeepalive,
            upstreamPorts: 4096...32767, maxPending: 16, maxPendingPerClient: 16, maxConnections: 16,
            serverMemory: .seconds(60), serverMemoryEntries: 16, receiveBuffer: nil, sendBuffer: nil,
            congestionControl: nil)
    }
}
