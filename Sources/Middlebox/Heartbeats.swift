/// Which of some threads answer when they are asked. Pure: who looks, asks and hears the answers is elsewhere.
///
/// Looks are counted and not time: a process that was itself kept from running, by SIGSTOP or a machine that stood still, blames none
/// of its threads.
struct Heartbeats: Sendable {
    let names: [String]
    /// So many looks in a row without an answer are taken for a hang.
    let patience: Int
    /// Of each thread, how many looks there have been since it was asked; nil when it has answered.
    private var looksSinceAsked: [Int?]

    init(_ names: [String], patience: Int) {
        self.names = names
        self.patience = patience
        looksSinceAsked = names.map { _ in nil }
    }

    /// Looks once. Returns whom to ask now: those that have answered the last time, by their places in `names`.
    mutating func look() -> [Int] {
        var asked: [Int] = []
        for index in names.indices {
            if let looks = looksSinceAsked[index] {
                looksSinceAsked[index] = looks + 1
            } else {
                looksSinceAsked[index] = 0
                asked.append(index)
            }
        }
        return asked
    }

    mutating func answered(_ index: Int) { looksSinceAsked[index] = nil }

    /// Those that hang.
    var hanging: [String] {
        names.indices.filter { (looksSinceAsked[$0] ?? 0) >= patience }.map { names[$0] }
    }
}
