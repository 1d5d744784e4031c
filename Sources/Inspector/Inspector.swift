// Inspector: the packet path. Each queue has a reader, a member of a loop thread: receive, parse, decide, verdict.
//
// It knows packets, queues and marks, and of connections only what a SYN says; it must never block, dial or relay. The
// SYN desk holds a SYN while the stream path dials (through the narrow door `StreamPath`), then lets it go on
// unmarked, or puts its bytes into the stack by the TUN device, where TPROXY takes them. The readers of data queues see every
// segment of an intercepted connection and let it go.
//
// Whatever goes wrong here ends in "the packet goes on as if there were no box", and is counted.

import LinuxSystem
import Policy
import Wire

/// What the packet path needs of the stream path.
public protocol StreamPath: Sendable {
    /// Is there room for one more connection?
    var hasRoom: Bool { get }
    /// Makes a redirect listener stand on the server's port; why not, if it can't be had.
    func ensureListener(for server: Endpoint) -> SystemError?
    /// Why a listener there was not to be had lately; nil if nothing speaks against it.
    func listenerRefusal(for server: Endpoint) -> SystemError?
    func knowledge(of server: Endpoint) -> ServerKnowledge?
    /// A server has answered a SYN that asked.
    func learn(_ knowledge: ServerKnowledge, of server: Endpoint)
    /// Has the server not answered this client lately? Another dial would only delay the client again.
    func wasSilent(_ tuple: FourTuple) -> Bool
    /// false: too many connections are dialled already; no answer will come.
    func dial(_ request: DialRequest) -> Bool
    /// A SYN with this mark, on its way out by this interface, goes in before its server is dialled.
    func announce(_ tuple: FourTuple, mark: UInt32, outDevice: UInt32)
}
