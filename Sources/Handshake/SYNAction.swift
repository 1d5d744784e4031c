/// What the packet path does with a SYN.
public enum SYNAction: Hashable, Sendable {
    /// It goes on as if there were no box.
    case pass(Decision)
    /// It goes on, and its dial is given up: the server may have answered the box, and must not take it for a client.
    case passForgoing(Decision)
    /// It goes on, since it went in before and has not arrived. No server was dialled for it, so that nobody else notices: the
    /// stream path is to be told.
    case passLost
    /// It is dropped: the first one, of which it is a copy, is held or on its way in.
    case drop
    /// A listener is made to stand, and it goes in. If it can't, the decider is asked again (`SYNDecider.obstructed`). The
    /// client is to be told no larger segment size, in bytes and without options; nil: what the SYN says.
    case intercept(Decision, maximumSegmentSize: UInt16? = nil)
    /// Its server is dialled, and it is held until that is answered. If there are too many dials, the decider is asked again
    /// (`SYNDecider.refused`).
    case dial(DialRequest)
    /// Other boxes are asked whose connection it wants to join, and it is held until that is answered.
    case ask(JoinQuestion)
    /// It goes to the peer with this number, and with it all that comes of its subflow. If it can't, the decider is asked again
    /// (`SYNDecider.obstructed`).
    case lead(Int)
}
