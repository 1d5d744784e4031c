import PacketTap

/// An expression as it was read. `and` and `or` have two parts or more.
indirect enum TraceExpression: Hashable, Sendable {
    case test(PacketTest)
    /// An interface, and where its name stands.
    case interface(String, Range<Int>)
    case not(TraceExpression)
    case and([TraceExpression])
    case or([TraceExpression])
}

extension PacketFilter {
    init(
        _ expression: TraceExpression, interface: (String, Range<Int>) throws(TraceFilterError) -> UInt32
    ) throws(TraceFilterError) {
        var steps: [Step] = []
        let start = try expression.add(to: &steps, yes: Self.accept, no: Self.reject, interface)
        self.init(steps: steps, start: start)
    }
}

extension TraceExpression {
    /// Adds its steps, the last one first, so that each knows where it leads. Returns where it begins.
    fileprivate func add(
        to steps: inout [PacketFilter.Step], yes: Int, no: Int,
        _ interface: (String, Range<Int>) throws(TraceFilterError) -> UInt32
    ) throws(TraceFilterError) -> Int {
        switch self {
        case .test(let test):
            steps.append(.init(test: test, yes: yes, no: no))
            return steps.count - 1
        case .interface(let name, let range):
            let test = PacketTest.interface(try interface(name, range))
            return try Self.test(test).add(to: &steps, yes: yes, no: no, interface)
        case .not(let inner):
            return try inner.add(to: &steps, yes: no, no: yes, interface)
        case .and(let parts):
            var next = yes
            for part in parts.reversed() { next = try part.add(to: &steps, yes: next, no: no, interface) }
            return next
        case .or(let parts):
            var next = no
            for part in parts.reversed() { next = try part.add(to: &steps, yes: yes, no: next, interface) }
            return next
        }
    }
}
