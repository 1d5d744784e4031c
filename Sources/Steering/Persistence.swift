/// A condition that counts once it has held for a while, and goes on counting until it hasn't for another while.
struct Persistence {
    private(set) var isRaised = false
    /// Since when it has been about to change.
    private var changingSince: UInt64?

    /// - Parameters:
    ///   - isOver: whether the upper threshold is passed.
    ///   - isUnder: whether the lower one is; between the two nothing changes.
    ///   - raise: nanoseconds that it has to be over.
    ///   - clear: nanoseconds that it has to be under.
    mutating func note(isOver: Bool, isUnder: Bool, at now: UInt64, raise: UInt64, clear: UInt64) {
        guard isRaised ? isUnder : isOver else { return changingSince = nil }
        let since = changingSince ?? now
        changingSince = since
        guard now - since >= (isRaised ? clear : raise) else { return }
        isRaised.toggle()
        changingSince = nil
    }
}
