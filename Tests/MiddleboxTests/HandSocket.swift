import Glibc
import Lab
import LinuxSystem
import SystemPackage
import Wire

/// A socket of the test's own in a node of the lab, for what the peers don't do: chosen ports, single accepts, resets.
final class HandSocket: Sendable {
    private let socket: StreamSocket
    var descriptor: Int32 { socket.rawValue }

    private init(_ socket: consuming StreamSocket) { self.socket = socket }

    /// Connects from this port of the node; an error that the connection ends with is thrown.
    static func connect(
        _ lab: Lab, in node: Lab.Node = .client(0), from source: Endpoint, to server: Endpoint,
        _ transport: StreamSocket.TransportProtocol = .mptcp, within limit: Duration = .seconds(10)
    ) async throws -> HandSocket {
        try await lab.inside(node) {
            let socket = try StreamSocket.open(transport, for: source.address)
            try socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
            try socket.bind(to: source)
            try socket.connect(to: server)
            guard poll(socket.rawValue, POLLOUT, limit) else { throw SystemError("connect \(server)", .timedOut) }
            if let error = socket.pendingError() { throw SystemError("connect \(server)", error) }
            return HandSocket(socket)
        }
    }

    /// Listens on a port of the node, on all addresses of one family, as most services do: with SO_REUSEADDR; with
    /// SO_REUSEPORT as well if it is shared.
    static func listen(
        _ lab: Lab, in node: Lab.Node = .server(0), port: UInt16, _ family: IPFamily,
        _ transport: StreamSocket.TransportProtocol = .tcp, isShared: Bool = false
    ) async throws -> HandSocket {
        try await lab.inside(node) {
            let any = Endpoint(address: IPAddress(family == .v4 ? "0.0.0.0" : "::")!, port: port)
            let socket = try StreamSocket.open(transport, for: any.address)
            try socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
            if family == .v6 { try socket.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
            if isShared { try socket.set(SOL_SOCKET, SO_REUSEPORT, 1) }
            try socket.bind(to: any)
            try socket.listen(backlog: 64)
            return HandSocket(socket)
        }
    }

    /// The next connection and its client; nil when none comes within the limit.
    func accept(within limit: Duration = .seconds(10)) throws -> (HandSocket, Endpoint)? {
        guard Self.poll(descriptor, POLLIN, limit) else { return nil }
        let accepted = try StreamSocket.accept(descriptor)
        let client = accepted.remote
        return (HandSocket(accepted.take()), client)
    }

    /// Waits until the peer has ended or reset the connection.
    func isEnded(within limit: Duration = .seconds(10)) -> Bool { Self.poll(descriptor, POLLIN, limit) }

    /// When it is released, the socket sends a reset.
    func resetOnRelease() throws { try socket.setResetOnClose(true) }

    private static func poll(_ descriptor: Int32, _ events: Int32, _ limit: Duration) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return Glibc.poll(&wanted, 1, Int32(limit.components.seconds * 1000)) == 1
    }
}
