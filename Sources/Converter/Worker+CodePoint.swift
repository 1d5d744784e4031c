import LinuxSystem
import Wire

// DSCP: what one end's packets ask of the network, the box's packets to the other end ask, too.

extension Worker {
    /// The packet path has seen the client send with another DSCP.
    func clientSends(_ tuple: FourTuple, _ dscp: DSCP) {
        guard shared.setting.copiesDSCP, let session = sessions.latest(tuple, where: { $0.phase == .relaying }) else {
            return
        }
        try? session.server?.socket.setDSCP(dscp, for: tuple.server.address)
    }

    /// Bytes have come from the server, just now: the client's socket sends with the server's DSCP. At most once a second.
    func followServer(_ session: Session, _ server: borrowing StreamSocket, _ client: borrowing StreamSocket) {
        let now = session.lastMoved
        guard session.nextCodePoint <= now, session.tuple.server.address.isIPv4 else { return }
        session.nextCodePoint = now + .seconds(1)
        let dscp = shared.serverCodePoints.latest(
            of: server.localEndpoint.map { FourTuple(client: $0, server: session.tuple.server) }, at: now.nanoseconds)
        guard let dscp, dscp != session.dscpToClient else { return }
        session.dscpToClient = dscp
        try? client.setDSCP(dscp, for: session.tuple.client.address)
    }
}
