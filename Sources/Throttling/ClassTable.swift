import Steering
import TrafficControl
import Wire

/// Who has a class: a rule's, on an interface, and perhaps one client's or one subflow's alone.
struct ClassKey: Hashable {
    let rule: String
    let interface: String
    var client: IPAddress?
    var subflow: FourTuple?

    /// The class that a subflow of the rule's joins.
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

extension ThrottleRule.Rates {
    subscript(direction: ShapingDirection) -> UInt64? { direction == .download ? download : upload }
}

/// The numbers of the classes that there are, 1 to 255.
struct ClassTable {
    struct Entry {
        let key: ClassKey
        var rates: ThrottleRule.Rates
        var members: Set<FourTuple> = []
        /// Where the kernel has the class now.
        var places: Set<ShapingDirection> = []
        /// When its last member went; nil as long as it is wanted.
        var retiredAt: UInt64?
    }

    private var numbers: [ClassKey: UInt8] = [:]
    private(set) var entries: [UInt8: Entry] = [:]
    /// Free numbers; the one that has been free for longest comes first, since late packets may still bear a number.
    private var free: [UInt8] = Array(1...255)

    /// The class of this key that subflows may join.
    func number(of key: ClassKey) -> UInt8? { numbers[key] }

    /// It must be there.
    subscript(number: UInt8) -> Entry {
        get { entries[number]! }
        set { entries[number]! = newValue }
    }

    /// nil when all numbers are taken.
    mutating func add(_ key: ClassKey, _ rates: ThrottleRule.Rates) -> UInt8? {
        guard !free.isEmpty else { return nil }
        let number = free.removeFirst()
        numbers[key] = number
        entries[number] = Entry(key: key, rates: rates)
        return number
    }

    /// Nobody joins it any more; its number is taken until `remove`.
    mutating func retire(_ number: UInt8, at now: UInt64) {
        numbers[self[number].key] = nil
        self[number].retiredAt = now
    }

    mutating func remove(_ number: UInt8) {
        guard let entry = entries.removeValue(forKey: number) else { return }
        if numbers[entry.key] == number { numbers[entry.key] = nil }
        free.append(number)
    }
}
