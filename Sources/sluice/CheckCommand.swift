import ArgumentParser
import Foundation
import Middlebox

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Is this machine able, is the configuration right? One line a finding, with the mend.",
        discussion: """
            Ends with 0 when nothing forbids running, with 1 when something does, with 78 when the configuration is \
            wrong. Run it as root. It binds the queues and makes the TUN device for a moment, unless the daemon has \
            them, and tries the rules, and what throttles take, in network namespaces of their own.
            """)

    @OptionGroup var config: ConfigOption
    @OptionGroup var output: JSONOption
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func run() async throws {
        let findings = try await findings()
        if output.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            FileHandle.standardOutput.write(try encoder.encode(findings) + Data("\n".utf8))
        } else {
            for finding in findings { print(finding) }
            // The kernel's own faults are nothing that was looked at on this machine.
            if findings.allSatisfy({ $0.check == .kernelFaults }) { print("checked: \(Self.everything)") }
            print(findings.summary)
        }
        if findings.forbidRunning { throw Sluice.Failure.atRunTime }
    }

    private func findings() async throws -> [Finding] {
        var settings = try config.load()
        if let path = control.control ?? parent.control.control { settings.admin.control = path }
        do {
            return try await Middlebox.check(settings)
        } catch {
            printError("\(error)")
            throw Sluice.Failure.configuration
        }
    }

    private static let everything = Finding.Check.allCases.map(\.rawValue).joined(separator: ", ")
}
