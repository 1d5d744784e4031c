import Policy
import Wire

/// Who has a class: a rule's, on an interface, and perhaps one client's or one subflow's alone.
struct ClassKey: Hashable {
    let rule: String
    let interface: String
    var client: IPAddress?
    var subflow: FourTuple?

    init(_ rule: String, _ interface: String, _ sharing: ThrottleRule.Sharing, _ tuple: FourTuple) {
        self.rule = rule
        self.interface = interface
        switch sharing {
        case .all: break
        case .client: client = tuple.client.address
        case .subflow: subflow = tuple
        }
    }

    /// The class that all share.
    init(_ rule: String, _ interface: String) {
        self.rule = rule
        self.interface = interface
    }

    var isShared: Bool { client == nil && subflow == nil }
}

/// The numbers of the classes that there are, 1 to 255.
struct ClassTable {
    struct Entry {
        let key: ClassKey
        var rates: ThrottleRule.Rates
        var members: Set<FourTuple> = []
    }

    private(set) var numbers: [ClassKey: UInt8] = [:]
    private(set) var entries: [UInt8: Entry] = [:]
    /// Free numbers; the one that has been free for longest comes first, since late packets may still bear a number.
    private var free: [UInt8] = Array(1...255)

    subscript(number: UInt8) -> Entry? { entries[number] }

    /// nil when all numbers are taken.
    mutating func add(_ key: ClassKey, _ rates: ThrottleRule.Rates) -> UInt8? {
        guard !free.isEmpty else { return nil }
        let number = free.removeFirst()
        numbers[key] = number
        entries[number] = Entry(key: key, rates: rates)
        return number
    }

    mutating func setRates(_ number: UInt8, _ rates: ThrottleRule.Rates) { entries[number]?.rates = rates }
    mutating func insert(_ tuple: FourTuple, _ number: UInt8) { entries[number]?.members.insert(tuple) }
    mutating func remove(_ tuple: FourTuple, _ number: UInt8) { entries[number]?.members.remove(tuple) }

    /// The class is nobody's any more; its number is taken until `release`.
    mutating func remove(_ number: UInt8) {
        if let entry = entries.removeValue(forKey: number) { numbers[entry.key] = nil }
    }

    mutating func release(_ number: UInt8) { free.append(number) }
}
