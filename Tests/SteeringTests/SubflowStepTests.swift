import Steering
import Testing
import Wire

@Suite("what leads from one treatment to another") struct SubflowStepTests {
    static let one = tuple("10.1.0.2")
    static let other = tuple("10.2.0.2")

    static func tuple(_ client: String) -> FourTuple {
        FourTuple(
            client: Endpoint(address: IPAddress(client)!, port: 40_000),
            server: Endpoint(address: IPAddress("192.0.2.1")!, port: 443))
    }

    static func shaping(_ rule: String, rate: UInt64 = 1) -> Treatment.Shaping {
        Treatment.Shaping(
            rule: rule, interface: "eth0", sharing: .all, rates: .init(download: rate, upload: nil))
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var from: Treatment
        var to: Treatment
        var steps: [SubflowStep]

        init(_ name: String, _ from: Treatment, _ to: Treatment, _ steps: [SubflowStep]) {
            (testDescription, self.from, self.to, self.steps) = (name, from, to, steps)
        }
    }

    static let rows = [
        Row("nothing leads to nothing", .none, .none, []),
        Row("a class is joined", .none, .init(shaping: shaping("a")), [.joinClass(shaping("a"))]),
        Row("and left", .init(shaping: shaping("a")), .none, [.leaveClass]),
        Row(
            "one class is left before another is joined", .init(shaping: shaping("a")), .init(shaping: shaping("b")),
            [.leaveClass, .joinClass(shaping("b"))]),
        Row(
            "another rate is the class's affair", .init(shaping: shaping("a")), .init(shaping: shaping("a", rate: 9)),
            []
        ),
        Row("a backup is asked for", .none, .init(standby: "s"), [.standBy(rule: "s")]),
        Row("and taken back", .init(standby: "s"), .none, [.activate]),
        Row("another rule takes it over", .init(standby: "s"), .init(standby: "t"), [.standBy(rule: "t")]),
        Row("a subflow is reset", .none, .init(refused: "s"), [.reset(rule: "s")]),
        Row("once", .init(refused: "s"), .init(refused: "s"), []),
        Row("a backup is reset as it is", .init(standby: "s"), .init(refused: "s"), [.reset(rule: "s")]),
        Row(
            "a class and a backup are two things", .init(shaping: shaping("a")),
            .init(shaping: shaping("a"), standby: "s"),
            [.standBy(rule: "s")]),
    ]

    @Test("one subflow", arguments: rows) func single(row: Row) {
        let steps = SubflowStep.steps(from: [Self.one: row.from], to: [Self.one: row.to]).map(\.step)
        #expect(steps == row.steps)
    }

    @Test("who may carry data comes before who may not, whatever their order") func order() {
        for (first, second) in [(Self.one, Self.other), (Self.other, Self.one)] {
            let steps = SubflowStep.steps(
                from: [first: .init(standby: "s")], to: [second: .init(standby: "s")])
            #expect(steps.map(\.step) == [.activate, .standBy(rule: "s")])
            #expect(steps.map(\.subflow) == [first, second])
        }
    }

    @Test("what is wanted already leads nowhere") func isStable() {
        let treatments: [FourTuple: Treatment] = [
            Self.one: .init(shaping: Self.shaping("a"), standby: "s"), Self.other: .init(refused: "s"),
        ]
        #expect(SubflowStep.steps(from: treatments, to: treatments).isEmpty)
    }
}
