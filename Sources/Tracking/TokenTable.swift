import Wire

/// Whose token it is.
struct TokenOwner: Hashable, Sendable {
    let connection: ConnectionID
    let host: Host
}

/// The owners of tokens. Two connections may have the same one at different hosts, which is rare: the first owner has no
/// memory of its own but its place here.
struct TokenTable: Sendable {
    private var first: [Token: TokenOwner] = [:]
    /// Those that came later, in their order.
    private var further: [Token: [TokenOwner]] = [:]

    /// Of one token. Keys are random: where more connections share one it was made up, so that looking through them takes
    /// long. Those that were first stay.
    static let mostOwners = 16

    mutating func add(_ owner: TokenOwner, of token: Token) {
        guard first[token] != nil else { return first[token] = owner }
        guard further[token, default: []].count < Self.mostOwners - 1 else { return }
        further[token, default: []].append(owner)
    }

    mutating func remove(_ connection: ConnectionID, of token: Token) {
        if var later = further[token] {
            later.removeAll { $0.connection == connection }
            if first[token]?.connection == connection { first[token] = later.isEmpty ? nil : later.removeFirst() }
            further[token] = later.isEmpty ? nil : later
        } else if first[token]?.connection == connection {
            first[token] = nil
        }
    }

    /// The last owner of which `condition` holds, or else the last.
    func owner(of token: Token, where condition: (TokenOwner) -> Bool) -> TokenOwner? {
        guard let first = first[token] else { return nil }
        guard let later = further[token], let last = later.last else { return first }
        return later.last(where: condition) ?? (condition(first) ? first : last)
    }

    mutating func shrink() { if first.isSparse { first = first.compacted } }

    /// All of a token, in the order in which they came.
    func owners(of token: Token) -> [TokenOwner] { (first[token].map { [$0] } ?? []) + further[token, default: []] }

    var all: [(token: Token, owners: [TokenOwner])] { first.keys.map { ($0, owners(of: $0)) } }
}
