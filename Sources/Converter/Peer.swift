import LinuxSystem
import SystemPackage

/// One of a session's two ends: its socket, and what the kernel last said of it.
struct Peer: ~Copyable {
    let socket: StreamSocket
    // Edge-triggered epoll tells of changes only.
    var isReadable = true
    var isWritable: Bool
    /// A write failed, or the client is known to be gone: what comes from the other side is discarded, and after what can
    /// still be read from here comes a reset.
    private(set) var isBroken = false
    /// The socket answers no probes (`StreamSocket.setDeafToProbes`), since the other side answers none.
    private(set) var isDeaf = false
    /// The receive buffer's limit (see ReceiveMemory); nil: the kernel's.
    private(set) var receiveLimit: Int?
    /// The last of the worker's periods in which this side was ahead of the other.
    private(set) var lastAhead: UInt32 = 0

    /// `isConnecting`: it can be written to once the kernel says so.
    init(_ socket: consuming StreamSocket, isConnecting: Bool = false) {
        self.socket = socket
        isWritable = !isConnecting
    }

    /// As it goes on from a record. Whether it can be read and written the kernel says once it is watched; not of one that has
    /// failed, since that has been told.
    init(_ socket: consuming StreamSocket, _ record: SessionRecord.Side) {
        self.socket = socket
        isBroken = record.isBroken
        isReadable = record.isBroken
        isWritable = false
        isDeaf = record.isDeaf
        receiveLimit = record.receiveLimit.map { Int($0) }
    }

    /// As it is handed over.
    func record(_ keepalive: KeepalivePace?) -> SessionRecord.Side {
        SessionRecord.Side(
            isBroken: isBroken, isDeaf: isDeaf, receiveLimit: receiveLimit.map { UInt64($0) }, keepalive: keepalive)
    }

    /// Notes that it has failed. What it had sent before is still to be read. Returns whether that was news.
    @discardableResult
    mutating func breakDown() -> Bool {
        guard !isBroken else { return false }
        isBroken = true
        isReadable = true
        return true
    }

    /// More has come from it in this period than the other side takes. Returns whether that was news.
    mutating func noteAhead(in period: UInt32) -> Bool {
        guard lastAhead != period else { return false }
        lastAhead = period
        return true
    }

    /// Holds the receive buffer to so many bytes; nil: as the kernel likes.
    mutating func limitReceiving(to limit: Int?) {
        guard limit != receiveLimit else { return }
        receiveLimit = limit
        socket.limitReceiving(to: limit)
    }

    mutating func setDeaf(_ on: Bool) {
        guard isDeaf != on else { return }
        isDeaf = socket.setDeafToProbes(on)
    }

    /// Writes up to `count` bytes by a system call of the caller's, which is told what has been written so far; returns the
    /// number that was taken. A side that fails is broken from then on.
    mutating func write(_ count: Int, _ call: (_ descriptor: Int32, _ written: Int) -> Int) -> Int {
        guard isWritable else { return 0 }
        let descriptor = socket.rawValue
        var written = 0
        while written < count {
            switch systemCallResult({ call(descriptor, written) }) {
            case .success(0): return written
            case .success(let taken): written += taken
            case .failure(let error):
                isWritable = false
                if error != .wouldBlock { breakDown() }
                return written
            }
        }
        return written
    }
}
