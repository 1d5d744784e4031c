import LinuxSystem

/// Which interface indices belong to a set of names. Interfaces come, go and are renamed, so that an answer is only
/// good for a while.
struct InterfaceCache {
    private let names: Set<String>
    private var known: [UInt32: Bool] = [:]
    private var expiry = MonotonicTime(nanoseconds: 0)

    init(_ names: Set<String>) { self.names = names }

    mutating func contains(_ index: UInt32) -> Bool {
        let now = MonotonicTime.now
        if expiry < now {
            known.removeAll(keepingCapacity: true)
            expiry = now + .seconds(1)
        }
        if let answer = known[index] { return answer }
        let answer = NetworkInterface.name(index).map(names.contains) ?? false
        known[index] = answer
        return answer
    }
}
