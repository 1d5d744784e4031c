import Settings
import Testing

/// The message for a text that should not have been accepted.
func message(_ text: String) -> String? {
    do {
        _ = try Settings.parse(text, file: "f")
        return nil
    } catch {
        return error.description
    }
}

@Suite struct ErrorTests {
    @Test func missingInterfaces() {
        let mend = "give a list of interfaces, such as [\"lan0\", \"wifi0\"]"
        #expect(message("") == "f: intercept.interfaces: missing; \(mend)")
        #expect(message("\n[intercept]\nports = [80]\n") == "f:2: intercept.interfaces: missing; \(mend)")
    }

    @Test func unknownKeysNameTheNearest() {
        #expect(
            message(minimal + "[relay]\n# \nworker = 2\n") == "f:4: relay.worker: unknown key; did you mean workers?")
        #expect(
            message(minimal + "intercept.prots = [80]\n") == "f:2: intercept.prots: unknown key; did you mean ports?")
        #expect(message(minimal + "[relya]\n") == "f:2: relya: unknown table; did you mean [relay]?")
        #expect(message(minimal + "[relay]\ntun = 'x'") == "f:3: relay.tun: unknown key; it belongs in [advanced]")
        #expect(message(minimal + "workers = 2") == "f:2: workers: unknown key; it belongs in [relay]")
    }

    @Test func unknownKeysWithNothingNear() {
        let mend = "remove it, or see docs/configuration.md for the keys that there are"
        #expect(message(minimal + "[[okapi]]\nname = 'x'") == "f:2: okapi: unknown table; \(mend)")
        #expect(message(minimal + "[zebra]") == "f:2: zebra: unknown table; \(mend)")
        #expect(message(minimal + "[admin]\n\n\"a b\" = 1") == "f:4: admin.\"a b\": unknown key; \(mend)")
        #expect(message(minimal + "[log.xyzzy]\na = 1") == "f:2: log.xyzzy: unknown key; \(mend)")
        // A key whose line the scan can't find; TOML's escape must not reach the terminal.
        #expect(message(minimal + "\"\\u001b[1m\" = 1") == "f: \"\\u{1B}[1m\": unknown key; \(mend)")
    }

    @Test func tablesThatAreNone() {
        let mend = "write [relay] on a line of its own, once, and its keys below it"
        #expect(message(minimal + "relay = 5") == "f:2: relay: 5, not a table; \(mend)")
        #expect(message(minimal + "[[relay]]\nworkers = 1") == "f:2: relay: an array of tables; \(mend)")
    }

    @Test func allFindingsAtOnceInTheOrderOfTheFile() {
        let text = """
            [relay]
            workers = 0
            wrkers = 1

            [intercept]
            ports = [
                0,
                "9-8",
            ]
            connect = "fast"
            """
        let lines = message(text)?.split(separator: "\n").map { $0.prefix { $0 != ";" } }
        #expect(
            lines == [
                "f:2: relay.workers: 0 is out of range",
                "f:3: relay.wrkers: unknown key",
                "f:5: intercept.interfaces: missing",
                "f:6: intercept.ports: 0 is out of range",
                "f:6: intercept.ports: \"9-8\" is not a range of ports",
                "f:10: intercept.connect: \"fast\" is unknown",
            ])
    }

    @Test func theIFBDeviceIsNobodyElse() {
        let mend = "give the IFB device a name of its own"
        #expect(
            message("intercept.interfaces = ['sluice1']")
                == "f: advanced.ifb: sluice1 is one of intercept.interfaces as well; \(mend)")
        #expect(
            message(minimal + "advanced.ifb = 'sluice0'")
                == "f:2: advanced.ifb: sluice0 is advanced.tun as well; \(mend)")
    }

    @Test func theTunDeviceIsNoClientInterface() {
        #expect(
            message("intercept.interfaces = ['sluice0']")
                == "f: advanced.tun: sluice0 is one of intercept.interfaces as well; give the TUN device a name of its own"
        )
    }

    @Test func findingsCarryTheirParts() throws {
        let error = try #require(throws: SettingsError.self) { try Settings.parse("intercept.connect = 1", file: "f") }
        let finding = try #require(error.findings.first { $0.key == "intercept.connect" })
        #expect(finding.line == 1)
        #expect(finding.column == nil)
        #expect(finding.problem == "1 is an integer")
        #expect(finding.mend == "give \"faithful\" or \"split\"")
    }
}
