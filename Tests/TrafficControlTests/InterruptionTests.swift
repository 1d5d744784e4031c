import Testing

@testable import TrafficControl

/// Every message to the kernel as the last one, and as the one that fails.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5)))
struct InterruptionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let direction: ShapingDirection
        let setup: String
        let testDescription: String
    }

    static let cases = [
        Case(direction: .download, setup: TakeOverTests.htb, testDescription: "htb taken over"),
        Case(direction: .download, setup: "", testDescription: "download"),
        Case(direction: .upload, setup: "", testDescription: "upload"),
        Case(direction: .upload, setup: UploadTests.foreign[1], testDescription: "upload, others' clsact"),
    ]

    /// The process dies; another one clears up.
    @Test(arguments: cases)
    func deathAtAnyPoint(_ example: Case) throws {
        try Scratch.run { scratch in
            try shell(example.setup)
            let before = try scratch.state()
            var messages = 0
            var isComplete = false
            while !isComplete {
                let control = try TrafficControl(device: "up0")
                var left = messages
                control.socket.willSend = { () throws(TrafficControlError) in
                    left -= 1
                    if left < 0 { throw TrafficControlError("dead", mend: "") }
                }
                do {
                    try control.attach(scratch.lan, example.direction, takeOver: true)
                    try control.setClass(1, scratch.lan, example.direction, rate: 1_000_000)
                    if example.direction == .upload {
                        for tuple in tuples(2) { try control.steer(tuple, scratch.lan, into: 1) }
                        for tuple in tuples(1) { try control.release(tuple, scratch.lan) }
                    }
                    try control.detach(scratch.lan, example.direction)
                    isComplete = true
                } catch {
                    #expect("\(error)" == "dead" || "\(error)".contains("could not be put back: dead"))
                }
                try TrafficControl.removeAll()
                try scratch.expectState(before, "after \(messages) messages")
                messages += 1
            }
            #expect(messages > 10)
        }
    }

    /// One message fails, and attach with it: nothing is left half-done.
    @Test(arguments: cases)
    func attachIsWholeOrNothing(_ example: Case) throws {
        try Scratch.run { scratch in
            try shell(example.setup)
            let before = try scratch.state()
            var failing = 0
            while true {
                let control = try TrafficControl(device: "up0")
                var left = failing
                control.socket.willSend = { () throws(TrafficControlError) in
                    left -= 1
                    if left == -1 { throw TrafficControlError("refused", mend: "") }
                }
                do {
                    try control.attach(scratch.lan, example.direction, takeOver: true)
                    control.socket.willSend = nil
                    #expect(control.isAttached(scratch.lan, example.direction))
                    try control.detach(scratch.lan, example.direction)
                } catch {
                    #expect("\(error)".contains("refused"))
                }
                try scratch.expectState(before, "message \(failing)")
                if left >= 0 { break }
                failing += 1
            }
            #expect(failing > 5)
        }
    }
}
