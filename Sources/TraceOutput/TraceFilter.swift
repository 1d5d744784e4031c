import PacketTap

/// Which packets a trace shows, as an expression in the spirit of pcap-filter(7):
/// `client 10.1.0.0/16 and port 443 and not dss`. docs/trace-filter.md has the language.
///
///     text ── TraceWord ── TraceFilterParser ──▶ TraceExpression ── compiled ──▶ PacketFilter
///
/// The expression is read once, wherever it comes from; which number an interface has is known where packets are. What
/// comes of it there is a flat program, for the way of each packet.
public struct TraceFilter: Hashable, Sendable {
    public static let all = TraceFilter(text: "", expression: nil)

    /// As it was given.
    public let text: String
    /// nil: every packet.
    private let expression: TraceExpression?

    private init(text: String, expression: TraceExpression?) {
        self.text = text
        self.expression = expression
    }

    /// An empty or blank text is `all`. Whatever the text is, it costs no more than a bounded time and stack.
    public init(_ text: String) throws(TraceFilterError) {
        var parser = try TraceFilterParser(text)
        let expression = try parser.parse()
        self = expression.map { TraceFilter(text: text, expression: $0) } ?? .all
    }

    /// `interface`: the index of the interface of that name; nil or 0: there is none, which is an error.
    public func compiled(interface: (String) -> UInt32?) throws(TraceFilterError) -> PacketFilter {
        guard let expression else { return .all }
        return try PacketFilter(expression) { (name, range) throws(TraceFilterError) in
            if let index = interface(name), index != 0 { return index }
            throw TraceFilterError(
                problem: "there is no interface \(quoted(name))", mend: "name one of those that `ip link` shows",
                text: text, range: range)
        }
    }
}
