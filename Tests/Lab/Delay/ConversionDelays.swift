/// How long the box took to convert what it got: from a segment's arrival at one of its interfaces until what became of it
/// left by another. Times are in nanoseconds.
public struct ConversionDelays: Sendable {
    /// From a client's SYN to the box's own SYN to the server.
    public internal(set) var syn: [UInt64] = []
    /// How many of these went on with MP_CAPABLE, as to a server of which Sluice doesn't know yet what it speaks.
    public internal(set) var multipathDials = 0
    /// SYNs that went on as they were, with the client's own port: no conversion.
    public internal(set) var forwardedSYNs = 0
    /// From the arrival of a message to its departure, towards the server.
    public internal(set) var toServer: [UInt64] = []
    /// The same, towards the client.
    public internal(set) var toClient: [UInt64] = []
    /// What came and was not seen to go.
    public internal(set) var unpairedSYNs = 0
    public internal(set) var unpairedMessages = 0

    /// Pairs what came with what went, in the order of their times. SYNs belong together by the client's address, the
    /// server, and their order, so that connections should be opened one after the other; messages by number and size.
    /// What is sent again, or over another subflow, counts once, from its first arrival to its first departure.
    public init(_ segments: [BoxSegment]) {
        var pairing = Pairing()
        for segment in segments.sorted(by: { $0.time < $1.time }) { add(segment, &pairing) }
        unpairedSYNs = pairing.waitingSYNs
        unpairedMessages = pairing.waitingMessages
    }

    private mutating func add(_ segment: BoxSegment, _ pairing: inout Pairing) {
        switch (segment.passage, segment.content) {
        case (.fromClient, .syn(let sequence, _)): pairing.arrive(segment, sequence)
        case (.toServer, .syn(let sequence, let isMultipath)):
            switch pairing.depart(segment, sequence) {
            case .converted(let delay):
                syn.append(delay)
                if isMultipath { multipathDials += 1 }
            case .forwarded: forwardedSYNs += 1
            case nil: break
            }
        case (.fromServer, .syn), (.toClient, .syn): break
        case (.fromClient, .message(let number, let size)):
            pairing.arrive(.init(goesToServer: true, number: number, size: size), segment.time)
        case (.fromServer, .message(let number, let size)):
            pairing.arrive(.init(goesToServer: false, number: number, size: size), segment.time)
        case (.toServer, .message(let number, let size)):
            toServer += pairing.depart(.init(goesToServer: true, number: number, size: size), segment.time)
        case (.toClient, .message(let number, let size)):
            toClient += pairing.depart(.init(goesToServer: false, number: number, size: size), segment.time)
        }
    }
}
