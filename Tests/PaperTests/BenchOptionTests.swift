import ArgumentParser
import Testing

@testable import sluice_lab

struct BenchOptionTests {
    @Test(arguments: [("3s", Duration.seconds(3)), ("500ms", .milliseconds(500)), ("20us", .microseconds(20))])
    func aTimeHasAUnit(_ text: String, _ duration: Duration) throws {
        #expect(try Duration.parse(text) == duration)
    }

    @Test(arguments: ["3", "", "s", "-1s", "3 m"])
    func elseTheErrorNamesTheForm(_ text: String) {
        let error = #expect(throws: ValidationError.self) { try Duration.parse(text) }
        #expect(error?.message.contains("3s, 500ms or 20us") == true)
    }

    @Test(
        arguments: [("2TB", 2_000_000_000_000), ("100MB", 100_000_000), ("64KiB", 65536), ("7", 7)]
            as [(String, UInt64)])
    func bytesHaveUnits(_ text: String, _ bytes: UInt64) { #expect(ByteCount(argument: text)?.bytes == bytes) }

    /// Of every command: one that has a time, too.
    @Test(arguments: [
        ["fetch", "--to", "10.0.0.1:1", "--hold", "3"], ["soak", "--rest", "3"], ["bench", "memory", "--rest", "3"],
    ])
    func commandsSayIt(_ arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try SluiceLab.parseAsRoot(arguments) }
        let message = error.map { SluiceLab.message(for: $0) } ?? ""
        #expect(message.contains("3s, 500ms or 20us"), "\(message)")
    }

    @Test func aCongestionControlThatIsNotThereIsNamed() throws {
        try BenchOptions.check(["cubic", "reno"], available: ["reno", "cubic"])
        let error = #expect(throws: ValidationError.self) {
            try BenchOptions.check(["cubic", "bbr"], available: ["reno", "cubic"])
        }
        #expect(error?.message.contains("modprobe tcp_bbr") == true)
    }

    @Test func circumstancesAreAllPairs() {
        var options = BenchOptions()
        (options.congestionControls, options.routers) = ([], [])
        let names = { options.circumstances(["cubic", "bbr"], Router.allCases).map { $0.name("x") } }
        #expect(names() == ["x (cubic, bare)", "x (cubic, stateful)", "x (bbr, bare)", "x (bbr, stateful)"])
        (options.congestionControls, options.routers) = (["reno"], [.stateful])
        #expect(names() == ["x (reno, stateful)"], "what was asked for")
    }

    @Test func aStatefulRouterDropsWhatNobodyAskedFor() throws {
        #expect(Router.bare.rules == nil)
        let lines = try #require(Router.stateful.rules).split(separator: "\n").map(String.init)
        #expect(lines.first == "*filter")
        #expect(lines.last == "COMMIT")
        for chain in ["INPUT", "FORWARD"] {
            #expect(lines.contains(":\(chain) DROP [0:0]"))
            #expect(lines.contains("-A \(chain) -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"))
        }
        #expect(lines.filter { $0.contains("NEW") } == ["-A FORWARD -i lan+ -m conntrack --ctstate NEW -j ACCEPT"])
    }
}
