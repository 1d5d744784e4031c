import Handshake
import Inspector
import LinuxSystem
import Logging
import NetfilterQueue
import PacketForge
import PacketTap
import SharedTracking
import Synchronization
import Wire

/// SYNs through queue SYN and the SYN desk, each of another client unless said: received, read, decided, answered.
final class SYNQueueWork: Work {
    let thread: String? = "path 0"

    private static let queueNumber: UInt16 = 1
    private let server = Endpoint("127.9.0.2:81")!
    private static let plan = DialPlan(asks: true, secondAfter: .milliseconds(250), timeout: .milliseconds(500))
    private let expected: Decision
    private let loopback: Loopback
    private let door: SYNInspector.Door
    private let stream: MadeUpStream
    private let inspector: SYNInspector
    private let loop: LoopThread
    private let counters = InspectorCounters()
    private var packet: PacketTemplate
    private var number: UInt32 = 0

    /// `expected`: what is to be decided about each; stream path and policy are such that it is.
    init(_ expected: Decision) throws {
        self.expected = expected
        loopback = try Loopback()
        try loopback.lead(port: server.port, to: Self.queueNumber)
        door = try SYNInspector.Door(queues: 1)
        let isEndToEnd = [.passServerSpeaksMultipath, .passDecidedBefore].contains(expected)
        stream = MadeUpStream(isEndToEnd ? .speaksMultipath : .dial(Self.plan))
        var policy = ConversionPolicy(interfaces: ["lo"])
        if expected == .passPolicy { policy.ports = [443...443] }
        if expected == .interceptSplit { policy.connect = .split }
        loop = try LoopThread(named: "path 0")
        inspector = try SYNInspector(
            queues: [PacketQueue(Self.queueNumber, .init(copyRange: 65535, maximumLength: 1024, gso: false))],
            tun: TunDevice("guard"), policy: policy, door: door,
            watch: ConnectionWatch(connections: 64), watchesEndToEnd: false, segmentSizes: SegmentSizes(),
            taps: [TraceTap(TraceBoard())],
            history: DecisionHistory(), counters: counters, stream: stream,
            log: Logger(label: "guard"), on: [loop])
        try loop.start()
        inspector.open()
        packet = PacketTemplate(Self.draft(to: server, expected))
        guard expected == .passDecidedBefore else { return }
        try loopback.send(packet.bytes, to: server)
        try wait(for: "the first decision") { counters[.passServerSpeaksMultipath] == 1 }
    }

    func run(_ count: Int) throws {
        for _ in 0..<count {
            let seen = counters[expected]
            let dialled = stream.lastDial
            if expected != .passDecidedBefore { change() }
            try loopback.send(packet.bytes, to: server)
            if expected == .interceptConverted {
                try wait(for: "a dial") { stream.lastDial != dialled }
                door.answer(stream.lastDial, .connected(maximumSegmentSize: 1460))
            }
            try wait(for: "the SYN queue's thread") { counters[expected] > seen }
        }
    }

    /// To a SYN of another client.
    private func change() {
        number &+= 1
        packet.write(0x7f01_0000 | number >> 8 & 0xffff, at: PacketTemplate.Field.source)
        packet.write(UInt16(1024 + number & 0xff), at: PacketTemplate.Field.sourcePort)
        packet.write(number, at: PacketTemplate.Field.sequence)
    }

    func stop() {
        inspector.stop()
        loop.join()
    }

    private static func draft(to server: Endpoint, _ expected: Decision) -> PacketDraft {
        let option: MultipathOption =
            expected == .passUnknownToken
            ? .join(.syn(isBackup: false, addressID: AddressID(1), token: Token(7), nonce: 8))
            : .capable(MPCapable(version: 1, flags: .hmac, form: .bare))
        let options: [TCPOptionContent] = [.maximumSegmentSize(1460), .sackPermitted, .timestamps(value: 1, echo: 0)]
        return PacketDraft(
            source: Endpoint("127.1.0.2:1024")!, destination: server,
            options: options.bytes + [1] + TCPOptionContent.windowScale(7).bytes + option.bytes)
    }
}

/// A stream path that has room, and whose dials are answered by somebody else.
private final class MadeUpStream: StreamPath {
    private let known: DialAdvice
    private let dialled = Atomic<UInt64>(0)

    init(_ known: DialAdvice) { self.known = known }

    var lastDial: UInt64 { dialled.load(ordering: .acquiring) }

    var hasRoom: Bool { true }
    func ensureListener(for tuple: FourTuple, isJoin: Bool) -> SystemError? { nil }
    func listenerRefusal(for tuple: FourTuple) -> SystemError? { nil }
    func advice(for tuple: FourTuple) -> DialAdvice { known }
    func learn(_ knowledge: ServerKnowledge, of server: Endpoint) {}
    func forgo(_ tuple: FourTuple) {}
    func announce(_ tuple: FourTuple, _ way: Way) {}
    func lost(from interface: UInt32) {}
    func completesNone(from interface: UInt32) -> Bool { false }

    func dial(_ request: DialRequest) -> Bool {
        dialled.store(request.id, ordering: .releasing)
        return true
    }
}
