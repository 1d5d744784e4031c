import Glibc
import LinuxSystem
import Synchronization
import Wire

/// What client and server of a situation do, e.g. "fetch 200,000 bytes".
public struct Behaviour: Sendable {
    let name: String
    /// Runs once, on a thread in the client's namespace; what it throws is the client's outcome.
    let client: @Sendable (Course) throws -> Void
    /// Runs for each connection that a server accepts, on a thread in its namespace.
    let server: @Sendable (MatrixSocket, Course) throws -> Void

    init(
        _ name: String, client: @escaping @Sendable (Course) throws -> Void,
        server: @escaping @Sendable (MatrixSocket, Course) throws -> Void
    ) {
        self.name = name
        self.client = client
        self.server = server
    }
}

/// A behaviour's view of its end: where it is and what it can do there.
final class Course: Sendable {
    let family: IPFamily
    let limit: Duration
    private let lab: Lab
    private let situation: Situation
    private let isClient: Bool
    private let transport: PeerProtocol
    private let shell: RouterShell
    private let pid: Int32?
    private let state = Mutex(State())

    /// What is compared, and what is kept until the end.
    struct State: ~Copyable {
        var notes: [String: String] = [:]
        var connectTimes: [Duration] = []
        var established = 0
        var services: [Int32] = []

        deinit { services.forEach { close($0) } }
    }

    /// `transport`: what its connections speak.
    init(
        _ situation: Situation, _ lab: Lab, _ family: IPFamily, isClient: Bool, _ transport: PeerProtocol,
        _ shell: RouterShell, pid: Int32?
    ) {
        self.situation = situation
        self.lab = lab
        self.family = family
        self.isClient = isClient
        self.transport = transport
        self.shell = shell
        self.pid = pid
        limit = situation.limit
    }

    var service: IPAddress { MatrixNetwork.service(family) }
    var clientAddress: IPAddress { lab.address(.client(0), family) }
    /// The box's address at wan0, and towards the client.
    var routerAddress: IPAddress { lab.links(of: .server(0))[0].boxAddress(family) }
    var gateway: IPAddress { lab.links(of: .client(0))[0].boxAddress(family) }
    var wildcard: IPAddress { IPAddress(family == .v4 ? "0.0.0.0" : "::")! }

    /// Connects to a port of the service; without `port`, to the situation's first.
    func connect(
        port: UInt16? = nil, fromPort: UInt16 = 0, prepare: (MatrixSocket) -> Void = { _ in }
    ) throws -> MatrixSocket {
        let endpoint = Endpoint(address: service, port: port ?? situation.ports[0])
        let from = fromPort == 0 ? nil : Endpoint(address: clientAddress, port: fromPort)
        return try connect(to: endpoint, from: from, prepare: prepare)
    }

    func connect(
        to endpoint: Endpoint, from: Endpoint? = nil, prepare: (MatrixSocket) -> Void = { _ in }
    ) throws -> MatrixSocket {
        let start = ContinuousClock.now
        defer {
            let time = ContinuousClock.now - start
            state.withLock { $0.connectTimes.append(time) }
        }
        let socket = try MatrixSocket.connect(
            to: endpoint, transport, from: from, isClient: isClient, limit: limit, prepare: prepare)
        state.withLock { $0.established += 1 }
        return socket
    }

    /// Listens at this end, on a port that the kernel chooses unless it is given.
    func listen(port: UInt16 = 0) throws -> MatrixListener {
        try MatrixListener(Endpoint(address: wildcard, port: port), transport, limit: limit)
    }

    /// Accepts on a listener of this end.
    func accept(_ listener: borrowing MatrixListener) throws -> MatrixSocket {
        try listener.accept(isClient: isClient)
    }

    /// Runs the situation's lines `during` in the box, and notes what they print.
    func router() throws { note("during", try Self.output(of: situation.during, lab, shell, pid)) }

    /// What shell lines print in the box.
    static func output(of lines: [String], _ lab: Lab, _ shell: RouterShell, _ pid: Int32?) throws -> String {
        guard !lines.isEmpty else { return "" }
        let command = ["ip", "netns", "exec", lab.namespace(.box).name] + shell.command(lines, pid: pid)
        let text = try lab.runNow(command)
        return text.split(separator: "\n").joined(separator: "; ")
    }

    /// Starts a service of the router's own on a port's wildcard addresses, as sshd would, and notes whether it could.
    func startService(port: UInt16) throws {
        let outcome = try lab.namespace(.box).run { [limit] in
            ["0.0.0.0", "::"].map { address -> (String, Int32) in
                do {
                    let listener = try MatrixListener(Endpoint(address: IPAddress(address)!, port: port), limit: limit)
                    return ("started", listener.release())
                } catch {
                    return ("\(error)", -1)
                }
            }
        }
        state.withLock { $0.services += outcome.map(\.1).filter { $0 >= 0 } }
        note("service", outcome.map(\.0).joined(separator: ", "))
    }

    /// Says something that has to be the same in all runs.
    func note(_ subject: String, _ value: String) { state.withLock { $0.notes[subject] = value } }

    var notes: [String: String] { state.withLock { $0.notes } }
    /// Of every attempt to connect.
    var connectTimes: [Duration] { state.withLock { $0.connectTimes } }
    /// Attempts that succeeded.
    var established: Int { state.withLock { $0.established } }

    func sleep(_ seconds: Double) { usleep(UInt32(seconds * 1e6)) }
}
