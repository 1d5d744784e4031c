import Wire

/// What has come to the box, and waits for what becomes of it.
struct Pairing {
    enum Dial {
        /// After so many nanoseconds.
        case converted(UInt64)
        case forwarded
    }

    struct Message: Hashable {
        let goesToServer: Bool
        let number: UInt64
        let size: Int
    }

    /// On either side of the box: the ports of a client's connection differ.
    private struct Peers: Hashable {
        let client: IPAddress
        let server: Endpoint

        init(_ syn: BoxSegment) {
            client = syn.source.address
            server = syn.destination
        }
    }

    private struct SYN: Hashable {
        let source: Endpoint
        let destination: Endpoint
        let sequence: SequenceNumber
    }

    private var knownSYNs: Set<SYN> = []
    private var knownMessages: Set<Message> = []
    private var syns: [Peers: [(source: Endpoint, time: Int64)]] = [:]
    private var messages: [Message: Int64] = [:]

    var waitingSYNs: Int { syns.values.reduce(0) { $0 + $1.count } }
    var waitingMessages: Int { messages.count }

    mutating func arrive(_ syn: BoxSegment, _ sequence: SequenceNumber) {
        if isNew(syn, sequence) { syns[Peers(syn), default: []].append((syn.source, syn.time)) }
    }

    /// nil when it is sent again, or nothing waits for it.
    mutating func depart(_ syn: BoxSegment, _ sequence: SequenceNumber) -> Dial? {
        let peers = Peers(syn)
        guard var waiting = syns[peers], let first = waiting.first else { return nil }
        defer { syns[peers] = waiting }
        if let index = waiting.firstIndex(where: { $0.source == syn.source }) {
            waiting.remove(at: index)
            return .forwarded
        }
        guard isNew(syn, sequence) else { return nil }
        waiting.removeFirst()
        return .converted(UInt64(syn.time - first.time))
    }

    private mutating func isNew(_ syn: BoxSegment, _ sequence: SequenceNumber) -> Bool {
        knownSYNs.insert(SYN(source: syn.source, destination: syn.destination, sequence: sequence)).inserted
    }

    mutating func arrive(_ message: Message, _ time: Int64) {
        if knownMessages.insert(message).inserted { messages[message] = time }
    }

    /// The delay, if this is its first departure.
    mutating func depart(_ message: Message, _ time: Int64) -> [UInt64] {
        messages.removeValue(forKey: message).map { [UInt64(time - $0)] } ?? []
    }
}
