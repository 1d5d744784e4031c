public import Handshake
public import LinuxSystem
public import Wire

/// What the packet path needs of the other boxes of a cluster.
public protocol PeerPath: Sendable {
    /// The interface by which peers lead joins here.
    var interface: String { get }
    /// How long an answer may take, in nanoseconds.
    var askingTime: UInt64 { get }
    /// Asks whose connection this is; the answer comes by `SYNInspector.Door.locate`.
    func ask(_ question: JoinQuestion)
    /// From now on what comes of this subflow from its client by this interface goes to that peer, and its SYN, which is put in by
    /// that device; why not, if it can't.
    func lead(_ tuple: FourTuple, from interface: UInt32, by device: UInt32, to peer: Int) -> SystemError?
}

/// The interface by which peers lead joins here, by its index, which is asked for once a second.
struct PeerInterface {
    let name: String
    private var index: UInt32?
    private var expiry = MonotonicTime(nanoseconds: 0)

    init(_ name: String) { self.name = name }

    mutating func has(_ index: UInt32, at now: MonotonicTime) -> Bool {
        if expiry <= now {
            self.index = NetworkInterface.index(name)
            expiry = now + .seconds(1)
        }
        return self.index == index
    }
}
