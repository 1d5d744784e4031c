import Testing

@testable import Middlebox

@Suite struct HeartbeatsTests {
    /// What happens in turn: a look, which is to ask these, or an answer; and who hangs afterwards.
    enum Step: Sendable {
        case look(asks: [Int], hanging: [String])
        case answer(Int, hanging: [String])
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [Step]
    }

    static let rows = [
        Row(
            testDescription: "who answers is asked again, and never hangs",
            steps: [
                .look(asks: [0, 1], hanging: []), .answer(0, hanging: []), .answer(1, hanging: []),
                .look(asks: [0, 1], hanging: []), .answer(1, hanging: []), .answer(0, hanging: []),
                .look(asks: [0, 1], hanging: []),
            ]),
        Row(
            testDescription: "who doesn't answer isn't asked a second time, and hangs after two more looks",
            steps: [
                .look(asks: [0, 1], hanging: []), .answer(1, hanging: []), .look(asks: [1], hanging: []),
                .answer(1, hanging: []), .look(asks: [1], hanging: ["a"]), .look(asks: [], hanging: ["a"]),
                .look(asks: [], hanging: ["a", "b"]),
            ]),
        Row(
            testDescription: "a late answer counts",
            steps: [
                .look(asks: [0, 1], hanging: []), .answer(1, hanging: []), .look(asks: [1], hanging: []),
                .look(asks: [], hanging: ["a"]), .answer(0, hanging: []), .look(asks: [0], hanging: ["b"]),
            ]),
        Row(
            testDescription: "however long it takes: looks count, not time",
            steps: [.look(asks: [0, 1], hanging: []), .look(asks: [], hanging: []), .answer(0, hanging: [])]),
    ]

    @Test(arguments: rows)
    func hangs(_ row: Row) {
        var heartbeats = Heartbeats(["a", "b"], patience: 2)
        for step in row.steps {
            switch step {
            case .look(let asks, let hanging):
                #expect(heartbeats.look() == asks)
                #expect(heartbeats.hanging == hanging)
            case .answer(let index, let hanging):
                heartbeats.answered(index)
                #expect(heartbeats.hanging == hanging)
            }
        }
    }

    private static let states: [(String, Int, [String], String)] = [
        ("running", 0, [], "converts on lan0, wifi0; 0 connections"),
        ("running", 1, [], "converts on lan0, wifi0; 1 connection"),
        ("degraded", 2, ["no route", "no rule"], "degraded, new connections pass: no route; no rule; 2 connections"),
        ("draining", 3, [], "draining, new connections pass; 3 connections left"), ("starting", 0, [], "starting"),
    ]

    @Test(arguments: states)
    func status(_ state: String, _ open: Int, _ reasons: [String], _ expected: String) {
        let line = Middlebox.statusLine(state, interfaces: ["lan0", "wifi0"], open: open, reasons: reasons)
        #expect(line == expected)
    }
}
