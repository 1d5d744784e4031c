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

    /// Starts to connect and returns the socket, or why the box can't dial.
    ///
    /// - Parameters:
    ///   - asking: the SYN is to ask whether the server speaks MPTCP, which the packet path sees to.
    ///   - way: the held SYN's.
    func dial(_ tuple: FourTuple, asking: Bool, way: Way) throws(SystemError) -> Int32 {
        var last = SystemError("bind upstream of \(tuple)", .addressInUse)
        for _ in 0..<Self.attempts {
            do {
                return try attempt(tuple, asking: asking, way: way)
            } catch  where error.errno == .addressInUse || error.errno == .addressNotAvailable {
                last = error
            }
        }
        throw last
    }

    private func attempt(_ tuple: FourTuple, asking: Bool, way: Way) throws(SystemError) -> Int32 {
        let group = FileGroup.set(asking ? setting.groups.asking : setting.groups.upstream)
        defer { FileGroup.set(group) }
        let socket = try StreamSocket.open(.tcp, for: tuple.server.address)
        try StreamSocket.setTransparent(socket.rawValue, for: tuple.client.address)
        try setting.prepare(socket.rawValue, towards: .server)
        // As the client's packets have it, so that the router's own policy routing treats it alike.
        if way.mark != 0 { try StreamSocket.set(socket.rawValue, SOL_SOCKET, SO_MARK, Int32(bitPattern: way.mark)) }
        try StreamSocket.bind(
            socket.rawValue, to: Endpoint(address: tuple.client.address, port: ports.port(for: tuple)))
        // Its SYN leaves by the interface that FORWARD has judged, or not at all; what follows is held to it by a rule.
        // What comes in may come by any, as for a client of its own.
        try StreamSocket.bindToInterface(socket.rawValue, way.outDevice)
        try StreamSocket.connect(socket.rawValue, to: tuple.server)
        try StreamSocket.bindToInterface(socket.rawValue, nil)
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
