/// This run of this box, to tell it from another one with the same id. A value: answers are passed in.
struct Incarnation: Sendable {
    /// Random.
    let nonce: [UInt8]
    private var hasWritten = false

    enum News: Hashable, Sendable {
        /// Another box has written this id's sign of life since this one has.
        case usedTwice
        case usedOnce
    }

    init(nonce: UInt64) { self.nonce = Array(String(nonce, radix: 16).utf8) }

    /// This box's sign of life has been written; `former`: the value that was there before, nil if there was none.
    mutating func wrote(former: [UInt8]?) -> News? {
        defer { hasWritten = true }
        guard let former, former != nonce else { return former == nil ? nil : .usedOnce }
        // The first one found is that of the run before.
        return hasWritten ? .usedTwice : nil
    }

    /// The directory is another one, or has been away: what it says first may be old.
    mutating func forget() { hasWritten = false }
}
