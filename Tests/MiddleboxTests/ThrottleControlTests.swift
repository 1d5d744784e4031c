import Admin
import Lab
import LinuxSystem
import Testing
import Wire

/// What operators tell a running box about throttles, what it refuses, and what it leaves behind.
@Suite(.serialized, .enabled(if: isRoot, needsRoot), .timeLimit(.minutes(5))) struct ThrottleControlTests {
    private static func rule(
        _ name: String, _ more: String = "download = \"10mbit\"", on interface: String = "lan0"
    ) -> String {
        "\n[[throttle]]\nname = \"\(name)\"\ninterface = \"\(interface)\"\n\(more)\n"
    }

    /// Each with what its refusal has to say.
    private static let refused: [(arguments: [String], words: String)] = [
        (["add", "a", "--interface", "lan7", "--download", "1mbit"], "there is no interface lan7"),
        (["add", "a", "--interface", "lan0"], "neither download nor upload is given"),
        (["add", "a", "--interface", "lan0", "--download", "0mbit"], "would stop the subflow altogether"),
        (["add", "a", "--interface", "lan0", "--download", "9tbit"], "out of range"),
        (["add", "a", "--interface", "lan0", "--download", "10"], "has no unit"),
        (["add", "a b", "--interface", "lan0", "--download", "1mbit"], "can't be a rule's name"),
        (["add", "first", "--interface", "lan1", "--download", "1mbit"], "an earlier rule has this name"),
        (["add", "a", "--interface", "lan0", "--download", "1mbit"], "\"first\" before it takes all its subflows"),
        (["add", "a", "--interface", "lan1", "--download", "1mbit"], "take_over = true"),
        (
            ["add", "a", "--interface", "lan0", "--interface", "lan1", "--download", "1mbit", "--min-subflows", "1"],
            "take_over"
        ),
        (["set", "first", "--download", "0bit"], "would stop the subflow altogether"),
        (["set", "second", "--download", "1mbit"], "there is no throttle second; there are first"),
        (["clear", "second"], "there is no throttle second; there are first"),
        (["set", "first"], "give --download, --upload or both"),
    ]

    /// Wrong orders change nothing, and say what would be right.
    @Test func wrongOrdersChangeNothing() async throws {
        try await Lab.with { lab in
            try await lab.require(in: .box, ["tc", "qdisc", "add", "dev", "lan1", "root", "bfifo", "limit", "99000"])
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + Self.rule("first"))
            let before = try await lab.trafficControl()
            for (arguments, words) in Self.refused {
                let result = try await sluice.command(["throttles"] + arguments)
                #expect(!result.status.isSuccess)
                #expect(result.errors.contains(words), "\(arguments): \(result.errors)")
                #expect(try await lab.trafficControl() == before, "\(arguments)")
            }
            #expect(try await sluice.throttles().map(\.name) == ["first"])
        }
    }

    /// Of orders that come at once, each is held against those before it.
    @Test func ordersThatComeAtOnceAreCarriedOutOneAfterTheOther() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let made = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        let words = ["throttles", "add", "t\(number)", "--interface", "lan0", "--download", "1mbit"]
                        return try await sluice.command(words).status.isSuccess
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(made == 1, "the first takes all that the others might")
            #expect(try await sluice.throttles().count == 1)
        }
    }

    /// What an order is held against is what stands: the interfaces of the last reload, and no rule of the past.
    @Test func ordersAreHeldAgainstWhatStands() async throws {
        try await Lab.with { lab in
            let file = lab.configuration([:]) + Self.rule("first")
            let sluice = try await lab.startSluice(configuration: file)
            try await sluice.changeThrottles("clear", "first")
            try await sluice.changeThrottles("add", "first", "--interface", "lan1", "--download", "1mbit")
            try await lab.reload(sluice, file)
            #expect(try await sluice.throttles().map(\.interfaces) == [["lan1"]], "what was changed by hand stays")
            try await sluice.changeThrottles("add", "second", "--interface", "lan0", "--download", "1mbit")
            for name in ["first", "second"] { try await sluice.changeThrottles("clear", name) }

            let narrow = file.replacing("\"lan0\", \"lan1\"", with: "\"lan1\"")
            #expect(narrow != file)
            try await lab.reload(sluice, narrow)
            try await sluice.changeThrottles("add", "third", "--download", "1mbit")
            #expect(try await sluice.throttles().map(\.interfaces) == [["lan1"]])
        }
    }

    /// Somebody's qdisc is in the way: the daemon doesn't start, a reload changes nothing. With `take_over` it is
    /// replaced, and back in the end.
    @Test func anothersQdiscIsRespected() async throws {
        try await Lab.with { lab in
            let foreign = ["root", "handle", "5:", "tbf", "rate", "1gbit", "burst", "200000", "limit", "300000"]
            try await lab.require(in: .box, ["tc", "qdisc", "add", "dev", "lan0"] + foreign)
            let before = try await lab.trafficControl()
            await #expect(throws: LabError.self) {
                try await lab.startSluice(configuration: lab.sluiceDefaults + Self.rule("a"))
            }
            // The sentinel ends some milliseconds later, and the TUN device with it.
            try await lab.wait(for: "all to be as before") { try await lab.trafficControl() == before }
            let sluice = try await lab.startSluice()
            let standing = try await lab.trafficControl()
            try await lab.reload(sluice, lab.sluiceDefaults + Self.rule("a"), until: "the settings stay as they were")
            #expect(sluice.log.contains("take_over = true"))
            #expect(try await lab.trafficControl() == standing)
            let takeOver = Self.rule("a", "download = \"10mbit\"\ntake_over = true")
            try await lab.reload(sluice, lab.sluiceDefaults + takeOver)
            #expect(try await lab.trafficControl() != standing)
            #expect(try await sluice.throttles().first?.obstacle == nil)
            try await sluice.stop()
            #expect(try await lab.trafficControl() == before)
        }
    }

    /// SIGKILL leaves qdiscs behind; the next start, or `sluice rules remove`, takes them away, and puts back what was
    /// there before.
    @Test(arguments: [true, false])
    func aKilledDaemonsLeftoversGo(_ restarts: Bool) async throws {
        try await Lab.with { lab in
            try await lab.require(in: .box, ["tc", "qdisc", "add", "dev", "lan1", "root", "bfifo", "limit", "99000"])
            let before = try await lab.trafficControl()
            let rules = """

                [[throttle]]
                name = "all"
                min_subflows = 1
                download = "10mbit"
                upload = "10mbit"
                take_over = true
                """
            let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + rules)
            try await lab.serve()
            let plan = lab.plan(.download, 50_000_000)
            async let report = lab.fetch(plan)
            try await lab.wait(for: "subflows to be held") { try await sluice.throttles().first?.subflows == 2 }
            try await sluice.kill()
            #expect(try await report.failures.count == 1)
            #expect(try await lab.trafficControl() != before)
            if restarts {
                let next = try await lab.startSluice()
                let leftovers = try await lab.trafficControl().filter { $0.contains("7700:") || $0.contains("ifb") }
                #expect(leftovers.isEmpty)
                try await next.stop()
            } else {
                let removed = try await sluice.command("rules", "remove")
                #expect(removed.status.isSuccess, "\(removed.errors)")
            }
            #expect(try await lab.trafficControl() == before)
        }
    }

    /// What was changed at run time outlives a reload, unless that rule's entry in the file has changed.
    @Test func changesOutliveAReload() async throws {
        try await Lab.with { lab in
            let file = lab.sluiceDefaults + Self.rule("kept") + Self.rule("gone", "upload = \"1mbit\"", on: "lan1")
            let sluice = try await lab.startSluice(configuration: file)
            try await sluice.changeThrottles("set", "kept", "--download", "7mbit", "--upload", "3mbit")
            try await sluice.changeThrottles("clear", "gone")
            try await sluice.changeThrottles("add", "more", "--interface", "lan1", "--download", "2mbit")
            let view = { try await sluice.throttles().map { "\($0.name) \($0.download ?? 0) \($0.upload ?? 0)" } }
            let changed = ["kept 7000000 3000000", "more 2000000 0"]
            #expect(try await view() == changed)
            #expect(try await sluice.throttles().allSatisfy(\.changed))
            try await lab.reload(sluice, file)
            #expect(try await view() == changed)
            let other = Self.rule("kept", "download = \"4mbit\"") + Self.rule("gone", "upload = \"2mbit\"", on: "lan1")
            try await lab.reload(sluice, lab.sluiceDefaults + other)
            #expect(try await view() == ["kept 4000000 0", "gone 0 2000000", "more 2000000 0"])
            #expect(try await sluice.throttles().map(\.changed) == [false, false, true])
        }
    }

    /// The same over the control socket, with nothing of ours.
    @Test func theControlSocketTakesOrders() async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            let curl = { (method: String, path: String, body: String?) in
                let data = body.map { ["-d", $0] } ?? []
                return try await lab.run(
                    in: .box,
                    ["curl", "-sS", "-w", "%{http_code}", "--unix-socket", sluice.controlPath, "-X", method]
                        + data + ["http://sluice/v1/throttles\(path)"]
                ).output
            }
            let body = #"{"name": "a", "interface": "lan0", "upload": "5mbit", "per": "client", "ports": [80, "443"]}"#
            #expect(try await curl("POST", "", body) == "204")
            #expect(try await curl("PATCH", "/a", #"{"upload": "6mbit"}"#) == "204")
            let rule = try #require(try await sluice.throttles().first)
            #expect(rule.name == "a" && rule.per == "client" && rule.upload == 6_000_000 && rule.download == nil)
            for (method, path, body, code) in [
                ("POST", "", "[]", "400"), ("POST", "", #"{"name": "b", "prots": [1], "download": "1mbit"}"#, "400"),
                ("PATCH", "/a", "{", "400"), ("PATCH", "/a", #"{"upload": 7}"#, "400"), ("PATCH", "/b", "{}", "404"),
                ("DELETE", "/b", nil, "404"), ("POST", "", String(repeating: " ", count: 70_000), "400"),
            ] as [(String, String, String?, String)] {
                let answer = try await curl(method, path, body)
                #expect(answer.hasSuffix(code) && answer.contains("\"error\":"), "\(method) \(path): \(answer)")
            }
            #expect(try await curl("DELETE", "/a", nil) == "204")
            #expect(try await sluice.throttles().isEmpty)
        }
    }

    /// Rules of every kind come, change and go while connections do: no byte is lost, and nothing is left.
    @Test(arguments: IPFamily.allCases)
    func rulesChangeUnderLoad(_ family: IPFamily) async throws {
        try await Lab.with { lab in
            let sluice = try await lab.startSluice()
            try await lab.serve()
            let idle = try await lab.trafficControl()
            var plan = lab.plan(.echo, 0, family)
            plan.length = 0...400_000
            plan.count = 1500
            plan.parallel = 40
            let load = plan
            async let report = lab.fetch(load)
            for round in 0..<12 {
                let per = ["class", "client", "subflow"][round % 3]
                try await sluice.changeThrottles(
                    "add", "a", "--interface", "lan0", "--download", "200mbit", "--upload", "300mbit", "--per", per)
                try await sluice.changeThrottles(
                    "add", "b", "--interface", "lan1", "--upload", "100mbit", "--min-subflows", "1", "--port", "1-6000")
                try await sluice.changeThrottles("set", "a", "--download", "90mbit", "--upload", "1gbit")
                try await sluice.changeThrottles("set", "b", "--download", "50mbit")
                for name in ["a", "b"] { try await sluice.changeThrottles("clear", name) }
            }
            #expect(try await report.failures == [:])
            try await lab.waitUntilIdle(sluice)
            try await lab.wait(for: "all to be as before", within: .seconds(30)) {
                guard try await lab.marks().isEmpty else { return false }
                return try await lab.trafficControl() == idle
            }
            #expect(!sluice.log.contains("error:"), "\(sluice.log)")
        }
    }
}
