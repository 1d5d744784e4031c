import Converter
import Glibc
import Handshake
import LinuxSystem
import Logging
import Marks
import Synchronization
import Wire

/// A converted connection, as the daemon has it: an MPTCP client at a redirect listener, a TCP server that was dialled
/// for it, and a worker that relays. Buffers are small, so that they are soon full.
///
/// There is no TPROXY here: the client connects to the listener's own address, which is therefore what the box dials; a rule
/// leads that dial to the real server.
final class ConvertedSession {
    static let thread = "path 0"

    private let converter: Converter
    private let loop: LoopThread
    private let clientSocket: StreamSocket
    private let serverSocket: StreamSocket
    /// Both don't block.
    var client: Int32 { clientSocket.rawValue }
    var server: Int32 { serverSocket.rawValue }

    private static let buffer: Int32 = 128 << 10
    private static let listener = Endpoint("127.77.0.1:5000")!
    private static let realServer = Endpoint("127.0.0.1:6000")!
    private static let clientEnd = Endpoint("127.1.0.2:40000")!

    init() throws {
        try Loopback.run("ip", "link", "set", "lo", "up")
        try Loopback.run(
            "iptables", "-w", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-m", "owner", "--gid-owner",
            SocketGroups.standard.range, "-j", "DNAT", "--to-destination", "\(Self.realServer)")
        let listening = try Self.socket(.tcp, at: Self.realServer)
        try listening.listen(backlog: 1)

        let dialled = Dialled()
        loop = try LoopThread(named: Self.thread)
        converter = try Converter(
            Self.setting, log: Logger(label: "guard"), outcome: dialled.note, accepted: { _, _ in }, ended: { _ in },
            on: [loop])
        try loop.start()
        do {
            let tuple = FourTuple(client: Self.clientEnd, server: Self.listener)
            if let error = converter.ensureListener(for: tuple, isJoin: false) { throw error }
            let request = DialRequest(
                id: 1, tuple: tuple,
                way: Way(mark: 0, inDevice: 1, outDevice: 1, dscp: .standard, maximumSegmentSize: nil),
                received: MonotonicTime.now.nanoseconds,
                plan: DialPlan(asks: false, secondAfter: .seconds(5), timeout: .seconds(5)))
            guard converter.dial(request) else { throw GuardError("the converter doesn't dial") }
            try wait(for: "the dial") { dialled.outcome != nil }
            guard case .connected? = dialled.outcome else { throw GuardError("the dial: \(dialled.outcome!)") }
            clientSocket = try Self.socket(.mptcp, at: Self.clientEnd)
            try clientSocket.connect(to: Self.listener)
            try Self.await(listening.rawValue)
            serverSocket = try StreamSocket.accept(listening.rawValue).take()
        } catch {
            converter.stop()
            throw error
        }
    }

    func stop() {
        converter.stop()
        loop.join()
    }

    /// Waits until there is something to read.
    static func await(_ descriptor: Int32) throws {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wanted, 1, 10_000) == 1 else { throw GuardError("waited for bytes for ten seconds") }
    }

    private static func socket(_ transport: StreamSocket.TransportProtocol, at endpoint: Endpoint) throws
        -> StreamSocket
    {
        let socket = try StreamSocket.open(transport, for: endpoint.address)
        try socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
        try socket.set(SOL_SOCKET, SO_RCVBUF, buffer / 2)
        try socket.set(SOL_SOCKET, SO_SNDBUF, buffer / 2)
        try socket.bind(to: endpoint)
        return socket
    }

    private static let setting = ConverterSetting(
        listenAddress: listener.address, listenAddress6: IPAddress("::1")!, mark: .standard, groups: .standard,
        workers: 1,
        dialTimeout: .seconds(5), clientTimeout: .seconds(5), listenerIdle: .milliseconds(10),
        idleTimeout: .seconds(3600), clientKeepalive: nil, serverKeepalive: nil,
        upstreamPorts: 4096...32767, maxPending: 16, maxPendingPerClient: 16, maxConnections: 16,
        serverMemory: .seconds(60), serverMemoryEntries: 16, receiveBuffer: buffer, sendBuffer: buffer,
        congestionControl: nil)
}

/// The answer to the one dial there is.
private final class Dialled: Sendable {
    private let answer = Mutex<DialOutcome?>(nil)

    var outcome: DialOutcome? { answer.withLock { $0 } }

    func note(_ id: UInt64, _ outcome: DialOutcome) { answer.withLock { $0 = outcome } }
}
