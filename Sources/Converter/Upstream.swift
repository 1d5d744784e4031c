import Glibc
import LinuxSystem
import Policy
import SystemPackage
import Wire

/// Dialling a server from a client's own address.
struct UpstreamDialler: Sendable {
    let setting: ConverterSetting
    let ports: UpstreamPorts

    /// Ports that are tried before a dial is given up.
    private static let attempts = 8

    /// Starts to connect and returns the socket, or why the box can't dial. `mark` is the held SYN's.
    /// `asking`: the SYN is to ask whether the server speaks MPTCP, which the packet path sees to.
    func dial(_ tuple: FourTuple, asking: Bool, mark: UInt32) throws(SystemError) -> Int32 {
        var last = SystemError("bind upstream of \(tuple)", .addressInUse)
        for _ in 0..<Self.attempts {
            do {
                return try attempt(tuple, asking: asking, mark: mark)
            } catch  where error.errno == .addressInUse || error.errno == .addressNotAvailable {
                last = error
            }
        }
        throw last
    }

    private func attempt(_ tuple: FourTuple, asking: Bool, mark: UInt32) throws(SystemError) -> Int32 {
        let socket = try StreamSocket.open(.tcp, for: tuple.server.address)
        try StreamSocket.setTransparent(socket.rawValue, for: tuple.client.address)
        try setting.prepare(socket.rawValue, towards: .server)
        let upstream = setting.mark.upstream(asking: asking, in: setting.mark.cleared(mark))
        try StreamSocket.set(socket.rawValue, SOL_SOCKET, SO_MARK, Int32(bitPattern: upstream))
        try StreamSocket.bind(
            socket.rawValue, to: Endpoint(address: tuple.client.address, port: ports.port(for: tuple)))
        try StreamSocket.connect(socket.rawValue, to: tuple.server)
        return socket.release()
    }
}

extension DialOutcome {
    /// What a failed connect tells of the way to the server.
    init(_ error: Errno) {
        switch error {
        case .connectionRefused, .hostIsDown, .noRouteToHost, .networkUnreachable, .networkDown, .connectionReset,
            .permissionDenied, .notPermitted:
            self = .refused
        case .timedOut: self = .silent
        default: self = .unable
        }
    }
}
