/// Makes Prometheus' text format, version 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
public struct MetricsText {
    public enum Kind: String {
        case counter, gauge, histogram
    }

    /// Names and values, in the order in which they are shown.
    public typealias Labels = [(name: String, value: String)]

    public private(set) var text = ""
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    public init() {}

    /// All samples of one name. `help`: a sentence.
    public mutating func family(
        _ name: String, _ kind: Kind, _ help: String, _ samples: (inout MetricsFamily) -> Void
    ) {
        var family = MetricsFamily(name: name)
        samples(&family)
        text += "# HELP \(name) \(Self.escaped(help))\n# TYPE \(name) \(kind.rawValue)\n" + family.text
    }

    public mutating func counter(_ name: String, _ help: String, _ value: UInt64) {
        family(name, .counter, help) { $0.add(value) }
    }

    public mutating func gauge(_ name: String, _ help: String, _ value: some BinaryInteger) {
        family(name, .gauge, help) { $0.add(value) }
    }

    fileprivate static func escaped(_ help: String) -> String {
        help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }
}

/// The samples of one name.
public struct MetricsFamily {
    fileprivate let name: String
    fileprivate var text = ""

    public mutating func add(_ value: some BinaryInteger, _ labels: MetricsText.Labels = []) {
        add("\(value)", suffix: "", labels)
    }

    public mutating func add(_ value: Double, _ labels: MetricsText.Labels = []) {
        add("\(value)", suffix: "", labels)
    }

    /// A histogram of durations. `buckets`: how many took less than so many nanoseconds, rising.
    public mutating func add(
        buckets: [(nanoseconds: UInt64, count: UInt64)], count: UInt64, nanoseconds: UInt64,
        _ labels: MetricsText.Labels = []
    ) {
        for bucket in buckets {
            add("\(bucket.count)", suffix: "_bucket", labels + [("le", "\(Double(bucket.nanoseconds) / 1e9)")])
        }
        add("\(count)", suffix: "_bucket", labels + [("le", "+Inf")])
        add("\(Double(nanoseconds) / 1e9)", suffix: "_sum", labels)
        add("\(count)", suffix: "_count", labels)
    }

    private mutating func add(_ value: String, suffix: String, _ labels: MetricsText.Labels) {
        let list = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
        text += name + suffix + (list.isEmpty ? "" : "{\(list)}") + " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
