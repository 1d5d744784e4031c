import Wire

/// What the decision about a SYN has to know of the outside, one method a question.
///
/// They are asked in the order of the decision, and only if it comes to that: some cost a system call.
public protocol SYNFacts: ~Copyable {
    /// The name of the interface with this index; nil if there is none. Asked for each about once a second.
    mutating func interfaceName(_ index: UInt32) -> String?
    /// Whose connection an MP_JOIN to this address wants to join.
    mutating func owner(of token: Token, at server: IPAddress) -> TokenOwner
    /// Do handshakes of clients behind this interface fail, one after the other?
    mutating func completesNone(from interface: UInt32) -> Bool
    /// Is there room for one more connection?
    mutating func hasRoom() -> Bool
    /// Has the kernel's table of connections room for what a conversion takes?
    mutating func hasTrackingRoom(at now: UInt64) -> Bool
    /// Would the box's own connection to the server leave by the way on which the SYN is? `copiesDSCP`: it has the SYN's DSCP.
    mutating func leavesAlike(_ syn: SYN, copiesDSCP: Bool) -> Bool
    /// Why there can be no listener for this client and server, as far as that is known; nil if nothing speaks against it.
    mutating func listenerObstacle(_ tuple: FourTuple) -> Obstacle?
    /// What is known of the server says about this client's next SYN.
    mutating func advice(_ tuple: FourTuple) -> DialAdvice
}
