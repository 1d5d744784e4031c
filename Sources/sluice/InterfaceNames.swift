import Capture

/// Numbers for the interfaces of a capture, and their names. A pcapng file counts its interfaces from 0 in each section,
/// and Linux cooked capture v2 has several behind one.
struct InterfaceNames {
    private struct Key: Hashable {
        let interface: CaptureInterface
        let index: UInt32?
    }

    /// By number. 0 is none.
    private(set) var names: [String?] = [nil]
    private var numbers: [Key: UInt32] = [:]
    private var last: (key: Key, number: UInt32)?

    /// `index`: at the capturing machine, whose name for it the file doesn't have: `if3`.
    mutating func number(of interface: CaptureInterface, index: UInt32?) -> UInt32 {
        let key = Key(interface: interface, index: index)
        if let last, last.key == key { return last.number }
        let number = numbers[key] ?? UInt32(names.count)
        if number == names.count {
            numbers[key] = number
            names.append(index.map { "if\($0)" } ?? interface.name)
        }
        last = (key, number)
        return number
    }
}
