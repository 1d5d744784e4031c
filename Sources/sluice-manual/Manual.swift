// sluice-manual: the manual pages of a package, from what describes commands and settings anyway: the command line's own description
// (`sluice --experimental-dump-help`) and docs/configuration.md, which a test holds against the code. It is no part of what is installed.
//
//     sluice --experimental-dump-help | sluice-manual commands --release 0.1.0 > sluice.8
//     sluice-manual settings --release 0.1.0 < docs/configuration.md > sluice.toml.5

import ArgumentParser
import Foundation

@main
struct Manual: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice-manual", abstract: "Manual pages from the descriptions of commands and settings.",
        subcommands: [Commands.self, SettingsFile.self])

    struct Commands: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "sluice(8), from `sluice --experimental-dump-help` on standard input.")

        @OptionGroup var release: ReleaseOption

        func run() throws {
            let tool = try JSONDecoder().decode(ToolDescription.self, from: standardInput())
            print(tool.command.page(release: release.release), terminator: "")
        }
    }

    struct SettingsFile: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "settings", abstract: "sluice.toml(5), from docs/configuration.md on standard input.")

        @OptionGroup var release: ReleaseOption

        func run() throws {
            let document = String(decoding: try standardInput(), as: UTF8.self)
            print(settingsPage(document, release: release.release), terminator: "")
        }
    }

    struct ReleaseOption: ParsableArguments {
        @Option(help: "The version that the pages say they are of.")
        var release: String
    }
}

private func standardInput() throws -> Data { try FileHandle.standardInput.readToEnd() ?? Data() }
