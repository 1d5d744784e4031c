import Glibc
import LinuxSystem
import Synchronization
public import Wire

/// Connections that are open and do nothing, until `close`.
public final class ParkedConnections: Sendable {
    private let sockets: Mutex<[Int32]>

    /// Opens `count` connections, one after the other, in the calling thread's namespace; each has sent a byte and got it
    /// back, so that all on the way know it.
    public init(_ count: Int, to endpoint: Endpoint, _ transport: PeerProtocol) throws(PeerError) {
        var sockets: [Int32] = []
        do throws(PeerError) {
            for _ in 0..<count {
                let connection = try PeerSocket.connected(to: endpoint, transport, from: nil, limit: .seconds(10))
                try connection.bounceByte()
                sockets.append(connection.release())
            }
        } catch {
            sockets.forEach { Glibc.close($0) }
            throw error
        }
        self.sockets = Mutex(sockets)
    }

    deinit { close() }

    /// How many don't bring a byte there and back any more. They are closed then.
    public func lost() -> Int {
        let all = sockets.withLock { sockets in
            defer { sockets = [] }
            return sockets
        }
        return all.count { socket in
            let connection = PeerSocket(owning: socket, limit: .seconds(10))
            do {
                try connection.bounceByte()
                return false
            } catch {
                return true
            }
        }
    }

    /// How many bring a byte there and back, how many are reset or ended instead, and how many do neither within this time.
    /// They are closed then.
    public func fates(within limit: Duration) -> (alive: Int, ended: Int, silent: Int) {
        let all = sockets.withLock { sockets in
            defer { sockets = [] }
            return sockets
        }
        for socket in all {
            var byte: UInt8 = 0x5a
            _ = send(socket, &byte, 1, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        let deadline = ContinuousClock.now + limit
        var fates = (alive: 0, ended: 0, silent: 0)
        for socket in all {
            let left = max(deadline - ContinuousClock.now, .zero)
            var wait = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            _ = poll(&wait, 1, Int32(clamping: left.microseconds / 1000))
            var byte: UInt8 = 0
            if wait.revents == 0 {
                fates.silent += 1
            } else if recv(socket, &byte, 1, Int32(MSG_DONTWAIT)) == 1 {
                fates.alive += 1
            } else {
                fates.ended += 1
            }
            Glibc.close(socket)
        }
        return fates
    }

    public func close() {
        sockets.withLock { sockets in
            sockets.forEach { Glibc.close($0) }
            sockets = []
        }
    }
}
