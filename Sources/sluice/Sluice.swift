// sluice: the command line. It parses arguments, prints, and sets the exit code; everything else is Middlebox's, or the
// running daemon's, asked over its control socket.

import Admin
import ArgumentParser
import Middlebox
import Settings

@main
struct Sluice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract:
            "A transparent MPTCP middlebox: ends Multipath TCP towards clients, continues as TCP towards servers.",
        discussion: """
            Ends with 0 when all is well, 1 after a finding or a failure, 64 when it is called wrongly, 78 when the configuration \
            can't be read.
            """,
        version: Middlebox.version,
        subcommands: [
            Run.self, Check.self, Reload.self, Upgrade.self, Drain.self, Undrain.self, Rules.self, Status.self,
            Connections.self, Top.self,
            Close.self, Throttles.self, Paths.self, TracePackets.self, Decode.self, Sessions.self,
        ])

    /// Exit codes: 0 well, 1 a finding or a run-time failure, 64 usage (ArgumentParser's), 78 configuration.
    enum Failure {
        static let atRunTime = ExitCode(1)
        static let configuration = ExitCode(78)
    }

    @OptionGroup var control: ControlOption
}

/// `--config FILE`
struct ConfigOption: ParsableArguments {
    @Option(name: .long, help: "The configuration file.")
    var config = "/etc/sluice/sluice.toml"

    /// Reads the file, or says on standard error what is wrong with it and ends with the exit code for that.
    func load() throws -> Settings {
        do throws(SettingsError) {
            return try Settings.load(path: config)
        } catch {
            printError(error)
            throw Sluice.Failure.configuration
        }
    }
}

/// `--control PATH`, before or after the subcommand.
struct ControlOption: ParsableArguments {
    @Option(name: .long, help: "The control socket of the daemon (default: /run/sluice/control.sock).")
    var control: String?

    func client(_ parent: ControlOption) -> ControlClient {
        ControlClient(path: control ?? parent.control ?? Settings.Admin().control)
    }
}

/// `--json`
struct JSONOption: ParsableArguments {
    @Flag(name: .long, help: "Print JSON.")
    var json = false
}
