import Admin
import ArgumentParser
import Foundation

struct Drain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Convert no new connection, until `sluice undrain`; those that there are go on.",
        discussion: """
            New connections pass, as they do without a daemon. Subflows still join the connections that this box has, also those \
            that other boxes of a cluster lead here. An upgrade has to wait until `sluice undrain`.
            """)

    @Flag(help: "End once no connection is left.")
    var wait = false
    @Option(help: "With --wait: give up after so many seconds, with exit code 1.")
    var limit: Int?
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func validate() throws {
        if let limit, !wait || limit < 1 { throw ValidationError("--limit goes with --wait, and is at least 1") }
    }

    func run() async throws {
        let daemon = control.client(parent.control)
        let deadline = limit.map { ContinuousClock.now + .seconds($0) }
        // Said again and again: a daemon that was started anew meanwhile doesn't drain.
        var open = try await Self.order(true, daemon).open
        print(
            open == 0
                ? "drains; no connection is left" : "drains; \(open) connection\(open == 1 ? " is" : "s are") left")
        while wait, open > 0 {
            if let deadline, ContinuousClock.now >= deadline {
                printError("\(open) connections are left after \(limit ?? 0) s")
                throw Sluice.Failure.atRunTime
            }
            try await Task.sleep(for: .milliseconds(500))
            open = try await Self.order(true, daemon).open
            if open == 0 { print("no connection is left") }
        }
    }

    static func order(_ on: Bool, _ daemon: ControlClient) async throws -> DrainReport {
        try await asking { () throws(ControlError) in try await daemon.drain(DrainOrder(on: on)) }
    }
}

struct Undrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Convert new connections again, after `sluice drain`.")

    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func run() async throws {
        print("\(try await Drain.order(false, control.client(parent.control)).state)")
    }
}
