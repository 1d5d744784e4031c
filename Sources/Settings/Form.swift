/// How a given value becomes a `Value`.
struct Form<Value> {
    /// What the operator is to write, as it follows "give", e.g. `an integer from 1 to 64`.
    let expected: String
    let read: (Node) throws(Mismatch) -> Value

    init(_ expected: String, read: @escaping (Node) throws(Mismatch) -> Value) {
        self.expected = expected
        self.read = read
    }
}

/// A value that isn't of its form: one or more things that are wrong with it.
struct Mismatch: Error {
    let problems: [String]
    /// Where it is another than to give what is expected. More lines may follow, to show where it is wrong.
    let mend: String?

    init(problems: [String], mend: String? = nil) {
        self.problems = problems
        self.mend = mend
    }

    init(_ node: Node, _ problem: String, mend: String? = nil) {
        problems = ["\(shown(node)) \(problem)"]
        self.mend = mend
    }

    static func type(of node: Node) -> Mismatch {
        switch node {
        case .table, .array, .null: Mismatch(node, "is not expected here")
        case .boolean: Mismatch(node, "is a boolean")
        case .integer: Mismatch(node, "is an integer")
        case .string: Mismatch(node, "is a string")
        case .float: Mismatch(node, "is a floating-point number")
        }
    }

    static func range(of node: Node) -> Mismatch { Mismatch(node, "is out of range") }
}

/// A value as the operator wrote it, or nearly so; control characters are escaped.
func shown(_ node: Node) -> String {
    switch node {
    case .string(let text): String(reflecting: text)
    case .integer(let number): "\(number)"
    case .boolean(let value): "\(value)"
    case .float(let number): "\(number)"
    case .array: "an array"
    case .table: "a table"
    case .null: "null"
    }
}

// MARK: - Numbers

extension Form where Value: FixedWidthInteger {
    static func integer(_ range: ClosedRange<Value>) -> Form {
        Form("an integer from \(range.lowerBound) to \(range.upperBound)") { node throws(Mismatch) in
            guard let number = node.int else { throw .type(of: node) }
            guard let value = Value(exactly: number), range.contains(value) else { throw .range(of: node) }
            return value
        }
    }
}

extension Form where Value == UInt32 {
    /// Twelve adjacent bits, as the packet mark wants them.
    static var markMask: Form {
        Form("twelve adjacent bits of 32, such as 0x0fff0000") { node throws(Mismatch) in
            guard let number = node.int else { throw .type(of: node) }
            guard let mask = UInt32(exactly: number), mask >> mask.trailingZeroBitCount == 0xfff else {
                throw Mismatch(problems: ["0x\(String(number, radix: 16)) is not such a mask"])
            }
            return mask
        }
    }

    /// A routing table's number, such that the system uses neither it nor the next (rt_tables: local, main, default).
    static var routeTable: Form {
        let range = Form.integer(1...UInt32.max - 1)
        return Form("\(range.expected), without 252 to 255") { node throws(Mismatch) in
            let table = try range.read(node)
            guard !(253...255).contains(table) else { throw Mismatch(node, "is one of the system's own tables") }
            guard table != 252 else { throw Mismatch(node, "is followed by one of the system's own tables") }
            return table
        }
    }
}

extension Form where Value == ByteCount {
    /// `"720KiB"`, or an integer: bytes.
    static func size(_ range: ClosedRange<ByteCount>) -> Form {
        let limits = "from \"\(range.lowerBound)\" to \"\(range.upperBound)\""
        return Form("a size \(limits) (B, kB, MB, GB, KiB, MiB, GiB; without a unit: bytes)") {
            node throws(Mismatch) in
            let bytes = try quantity(node, "a size", bare: node.int) { UnitScale.size.value($0) }
            guard range.contains(ByteCount(bytes: bytes)) else { throw .range(of: node) }
            return ByteCount(bytes: bytes)
        }
    }
}

extension Form where Value == Duration {
    /// `"500ms"`; where the range begins at zero, `0` and `"0"` too.
    static func duration(_ range: ClosedRange<Duration>, zeroMeans: String? = nil) -> Form {
        Form(expectedDuration(range, zeroMeans: zeroMeans)) { node throws(Mismatch) in
            let zero = node.int == 0 ? 0 : nil
            let count = try quantity(node, "a duration", bare: zero) { $0 == "0" ? 0 : UnitScale.duration.value($0) }
            let value = Duration.milliseconds(count)
            guard range.contains(value) || (zeroMeans != nil && value == .zero) else { throw .range(of: node) }
            return value
        }
    }
}

extension Form where Value == Duration? {
    /// As `duration`, with zero read as nil.
    static func durationOrOff(_ range: ClosedRange<Duration>) -> Form {
        let form = Form<Duration>.duration(range, zeroMeans: "off")
        return Form(form.expected) { node throws(Mismatch) in
            let value = try form.read(node)
            return value == .zero ? nil : value
        }
    }
}

private func expectedDuration(_ range: ClosedRange<Duration>, zeroMeans: String?) -> String {
    let text = { (value: Duration) in UnitScale.duration.text(Int(value / .milliseconds(1))) }
    let zero = zeroMeans.map { ", or 0 for \($0)" } ?? ""
    return "a duration from \"\(text(range.lowerBound))\" to \"\(text(range.upperBound))\" (ms, s, min, h)\(zero)"
}

/// A string with a unit, or an integer that means something as it stands (`bare`).
private func quantity(
    _ node: Node, _ name: String, bare: Int?, value: (String) -> Int?
) throws(Mismatch) -> Int {
    if let bare { return bare }
    if node.int != nil { throw Mismatch(node, "has no unit") }
    guard let text = node.string else { throw .type(of: node) }
    guard let value = value(text) else { throw Mismatch(node, "is not \(name)") }
    return value
}
