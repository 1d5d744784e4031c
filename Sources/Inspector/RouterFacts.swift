import Handshake
import LinuxSystem
import Logging
import SharedTracking
import SystemPackage
import Wire

/// What the decision about a SYN asks of this router's kernel, of the tracker and of the stream path.
struct RouterFacts: SYNFacts, ~Copyable {
    private let stream: any StreamPath
    private let watch: ConnectionWatch
    private let diagnostics: SocketDiagnostics
    private var trackingRoom = TrackingRoom()
    private var exits: ExitCheck
    private let log: Logger
    private var errorLimit = RateLimit(every: .seconds(10))

    /// For one thread, in its network namespace.
    init(stream: any StreamPath, watch: ConnectionWatch, log: Logger) throws(SystemError) {
        let diagnostics = try SocketDiagnostics()
        let exits = try ExitCheck()
        self.diagnostics = diagnostics
        self.exits = exits
        self.stream = stream
        self.watch = watch
        self.log = log
    }

    mutating func interfaceName(_ index: UInt32) -> String? { NetworkInterface.name(index) }

    /// The kernel's table is the truth, and has to be asked where the tracker knows of no such connection.
    mutating func owner(of token: Token, at server: IPAddress) -> TokenOwner {
        if watch.isConverted(token, at: server) { return .box }
        do {
            return try diagnostics.hasConnection(token: token.rawValue) ? .box : .others
        } catch {
            if let suppressed = errorLimit.pass(.now) {
                log.error("can't ask the kernel for token \(token): \(error) (\(suppressed) more not logged)")
            }
            return .unclear
        }
    }

    mutating func completesNone(from interface: UInt32) -> Bool { stream.completesNone(from: interface) }

    mutating func hasRoom() -> Bool { stream.hasRoom }

    mutating func hasTrackingRoom(at now: UInt64) -> Bool {
        trackingRoom.suffices(at: MonotonicTime(nanoseconds: now))
    }

    mutating func leavesAlike(_ syn: SYN, copiesDSCP: Bool) -> Bool {
        let flow = RouteLookup.Flow(
            from: syn.tuple.client, to: syn.tuple.server, mark: syn.way.mark, typeOfService: syn.typeOfService)
        return exits.agrees(flow, inDevice: syn.way.inDevice, copiesDSCP: copiesDSCP)
    }

    mutating func listenerObstacle(_ tuple: FourTuple) -> Obstacle? {
        stream.listenerRefusal(for: tuple).map(Obstacle.init)
    }

    mutating func advice(_ tuple: FourTuple) -> DialAdvice { stream.advice(for: tuple) }
}

extension Obstacle {
    /// Why no listener can be had.
    init(_ error: SystemError) {
        switch error.errno {
        case .addressInUse: self = .portOccupied
        case .tooManyOpenFiles: self = .noRoom
        default: self = .unable
        }
    }
}
