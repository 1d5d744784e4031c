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

    public func close() {
        sockets.withLock { sockets in
            sockets.forEach { Glibc.close($0) }
            sockets = []
        }
    }
}
