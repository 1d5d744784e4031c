// Inspector: the packet path. Each queue has a reader, a member of a loop thread: receive, parse, verdict.
//
// It knows packets, queues and marks, and of connections only what a SYN says; it must never block, dial or relay. What
// becomes of a SYN is decided in Handshake; the SYN desk answers its questions and does what it says: holds the SYN while the
// stream path dials (through the narrow door `StreamPath`), then lets it go on unmarked, or puts its bytes into the stack by
// the TUN device, where TPROXY takes them. The readers of data queues see every
// segment of an intercepted connection and let it go.
//
// Whatever goes wrong here ends in "the packet goes on as if there were no box", and is counted.

import Handshake
import LinuxSystem
import Wire

/// What the packet path needs of the stream path.
public protocol StreamPath: Sendable {
    /// Is there room for one more connection?
    var hasRoom: Bool { get }
    /// Makes a redirect listener stand for the handshake of a SYN that goes in; why not, if it can't be had. `isJoin`: the
    /// SYN is another subflow's, which nobody accepts.
    func ensureListener(for tuple: FourTuple, isJoin: Bool) -> SystemError?
    /// Why there can be no listener for this client and server, as far as that is known; nil if nothing speaks against it.
    func listenerRefusal(for tuple: FourTuple) -> SystemError?
    /// What is known of the server says about this client's next SYN.
    func advice(for tuple: FourTuple) -> DialAdvice
    /// A server has answered a SYN that asked.
    func learn(_ knowledge: ServerKnowledge, of server: Endpoint)
    /// false: too many connections are dialled already; no answer will come.
    func dial(_ request: DialRequest) -> Bool
    /// The SYN whose server has been dialled goes on without this box after all.
    func forgo(_ tuple: FourTuple)
    /// A SYN that was on this way goes in before its server is dialled.
    func announce(_ tuple: FourTuple, _ way: Way)
    /// A SYN that came in by this interface went in, and hasn't arrived.
    func lost(from interface: UInt32)
    /// Do handshakes of clients behind this interface fail, one after the other?
    func completesNone(from interface: UInt32) -> Bool
}
