/// Which interface indices belong to the client-facing ones' names. Interfaces come, go and are renamed, so that an answer is
/// only good for a while.
struct ClientInterfaces: Sendable {
    private let names: Set<String>
    private var known: [UInt32: Bool] = [:]
    private var expiry: UInt64 = 0
    private static let lifetime: UInt64 = 1_000_000_000

    init(_ names: Set<String>) { self.names = names }

    mutating func contains(_ index: UInt32, _ facts: inout some SYNFacts & ~Copyable, at now: UInt64) -> Bool {
        if expiry < now {
            known.removeAll(keepingCapacity: true)
            expiry = now &+ Self.lifetime
        }
        if let answer = known[index] { return answer }
        let answer = facts.interfaceName(index).map(names.contains) ?? false
        known[index] = answer
        return answer
    }
}
