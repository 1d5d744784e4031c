import Handshake
import Wire

/// What a router would answer, made up. As it stands nothing speaks against a conversion.
struct MadeUpFacts: SYNFacts, Sendable {
    enum Question: Sendable {
        case name, owner, completes, room, trackingRoom, leavesAlike, listener, advice
    }

    var names: [UInt32: String] = [3: "lan0", 4: "wan0"]
    var owner = TokenOwner.box
    var completesNone = false
    var room = true
    var trackingRoom = true
    var leavesAlike = true
    var obstacle: Obstacle?
    var advice = DialAdvice.dial(Self.plan)

    /// What has been asked, in that order.
    var asked: [Question] = []
    /// What was said with the last question about the way out.
    var copiesDSCP: Bool?

    static let plan = DialPlan(asks: true, secondAfter: .milliseconds(250), timeout: .milliseconds(900))

    mutating func interfaceName(_ index: UInt32) -> String? {
        asked.append(.name)
        return names[index]
    }

    mutating func owner(of token: Token, at server: IPAddress) -> TokenOwner {
        asked.append(.owner)
        return owner
    }

    mutating func completesNone(from interface: UInt32) -> Bool {
        asked.append(.completes)
        return completesNone
    }

    mutating func hasRoom() -> Bool {
        asked.append(.room)
        return room
    }

    mutating func hasTrackingRoom(at now: UInt64) -> Bool {
        asked.append(.trackingRoom)
        return trackingRoom
    }

    mutating func leavesAlike(_ syn: SYN, copiesDSCP: Bool) -> Bool {
        asked.append(.leavesAlike)
        self.copiesDSCP = copiesDSCP
        return leavesAlike
    }

    mutating func listenerObstacle(_ tuple: FourTuple) -> Obstacle? {
        asked.append(.listener)
        return obstacle
    }

    mutating func advice(_ tuple: FourTuple) -> DialAdvice {
        asked.append(.advice)
        return advice
    }
}
