import Glibc
import Handshake
import LinuxSystem
import SystemPackage
import Wire

/// Dialling a server from a client's own address.
struct UpstreamDialler: Sendable {
    let setting: ConverterSetting
    let ports: UpstreamPorts

    /// Starts to connect and returns the socket, or why the box can't dial.
    ///
    /// - Parameters:
    ///   - asking: the SYN is to ask whether the server speaks MPTCP, which the packet path sees to.
    ///   - way: the held SYN's.
    ///   - routes: of the calling thread.
    /// - Throws: EXDEV if no connection of the box's own would go that way.
    func dial(
        _ tuple: FourTuple, asking: Bool, way: Way, routes: borrowing RouteLookup
    ) throws(SystemError) -> StreamSocket {
        var last: SystemError?
        for _ in 0..<ports.attempts(for: tuple.client) {
            let port = ports.port(for: tuple)
            guard isRight(way, for: tuple, from: port, routes) else {
                last = SystemError("route upstream of \(tuple)", .improperLink)
                continue
            }
            do {
                return try attempt(tuple, from: port, asking: asking, way: way)
            } catch  where error.errno == .addressInUse || error.errno == .addressNotAvailable {
                last = error
            }
        }
        throw last ?? SystemError("bind upstream of \(tuple)", .addressInUse)
    }

    /// Among routes of equal cost the ports may decide (net.ipv4.fib_multipath_hash_policy): the client's have led to one, and
    /// those of the box's connection have to lead there as well.
    private func isRight(
        _ way: Way, for tuple: FourTuple, from port: UInt16, _ routes: borrowing RouteLookup
    ) -> Bool {
        let flow = RouteLookup.Flow(
            from: Endpoint(address: tuple.client.address, port: port), to: tuple.server, mark: way.mark,
            typeOfService: way.dscp.trafficClass)
        // Without a route, connecting fails, and says why.
        return routes.routeOfOwn(flow, withDSCP: setting.copiesDSCP).map { $0.interface == way.outDevice } ?? true
    }

    private func attempt(
        _ tuple: FourTuple, from port: UInt16, asking: Bool, way: Way
    ) throws(SystemError) -> StreamSocket {
        let group = FileGroup.set(asking ? setting.groups.asking : setting.groups.upstream)
        defer { FileGroup.set(group) }
        let socket = try StreamSocket.open(.tcp, for: tuple.server.address)
        try socket.setTransparent(for: tuple.client.address)
        try setting.prepare(socket, towards: .server)
        try socket.prepareHandshake(maximumSegmentSize: way.maximumSegmentSize)
        // What the network makes of it is no reason not to dial.
        if setting.copiesDSCP, way.dscp != .standard {
            try? socket.setDSCP(way.dscp, for: tuple.server.address)
        }
        // As the client's packets have it, so that the router's own policy routing treats it alike.
        if way.mark != 0 { try socket.set(SOL_SOCKET, SO_MARK, Int32(bitPattern: way.mark)) }
        try socket.bind(to: Endpoint(address: tuple.client.address, port: port))
        // Its SYN leaves by the interface that FORWARD has judged, or not at all; what follows is held to it by a rule.
        // What comes in may come by any, as for a client of its own.
        if setting.bindsDials { try socket.bindToInterface(way.outDevice) }
        try socket.connect(to: tuple.server)
        if setting.bindsDials { try socket.bindToInterface(nil) }
        return socket
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
        case .improperLink: self = .otherWay
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .noBufferSpace: self = .noRoom
        default: self = .unable
        }
    }
}

/// The handshake with a server, as far as it differs from that of any other TCP connection.
///
/// Its last segment is put off (net/ipv4/tcp_input.c, tcp_rcv_synsent_state_process: for a socket without TCP_QUICKACK for
/// 200 ms, TCP_DELACK_MAX), until the client has completed its own handshake. If none of it comes, because the server speaks
/// MPTCP or there can be no listener for the client, the socket's reset comes first, and the server never accepts.
extension StreamSocket {
    /// Before the socket connects.
    fileprivate func prepareHandshake(maximumSegmentSize: UInt16?) throws(SystemError) {
        try set(Int32(IPPROTO_TCP), TCP_QUICKACK, 0)
        guard let maximumSegmentSize else { return }
        // The kernel's own limits (net/ipv4/tcp.c, tcp_sock_set_maxseg).
        let size = Int32(min(max(maximumSegmentSize, 88), 32767))
        try set(Int32(IPPROTO_TCP), TCP_MAXSEG, size)
    }

    /// Sends the last segment, if it hasn't gone with data.
    func completeHandshake() {
        try? set(Int32(IPPROTO_TCP), TCP_QUICKACK, 1)
    }

    /// What a segment to the server may hold at most, in bytes and without options, as both SYNs and the path allow.
    var maximumSegmentSize: UInt16? {
        var info = tcp_info()
        var length = socklen_t(MemoryLayout<tcp_info>.size)
        guard getsockopt(rawValue, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else { return nil }
        // The kernel's figure is what remains beside the timestamps option.
        let hasTimestamps = info.tcpi_options & 1 != 0
        return UInt16(clamping: info.tcpi_snd_mss + (hasTimestamps ? 12 : 0))
    }
}
