import ArgumentParser
import Firewall
import Middlebox
import Settings

struct Rules: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The iptables rules, routing rules and routes.",
        subcommands: [Show.self, Apply.self, Remove.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print what would be applied.")

        @OptionGroup var config: ConfigOption

        func run() async throws {
            print(try firewall(config).describe())
        }
    }

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put the rules in place; the daemon does so by itself.",
            discussion: "Without a running daemon they change nothing: every packet goes on as if they weren't there.")

        @OptionGroup var config: ConfigOption

        func run() async throws {
            let firewall = try firewall(config)
            if try await reporting({ try await firewall.apply() }) == .withoutDevice {
                printError("the daemon isn't running: its TUN device and the route over it are still to come")
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Remove rules and throttles, whoever put them in place; connections that are being converted end.",
            discussion: """
                What is Sluice's is known by its names: the configuration may be missing. Stop a running daemon first: it \
                puts back what is missing. Connections that are kept of a daemon that has died are reset.
                """)

        @Flag(help: "Change nothing while connections of a daemon that has died are kept for the next one.")
        var unlessKept = false
        /// By which it is known what is kept.
        @OptionGroup var config: ConfigOption

        func run() async throws {
            let settings = (try? Settings.load(path: config.config)) ?? Settings(intercept: .init(interfaces: []))
            guard !unlessKept || !Middlebox.isHeld(settings) else { return }
            Middlebox.letGo(settings)
            try await reporting { try await Middlebox.removeLeftovers() }
        }
    }
}

private func firewall(_ config: ConfigOption) throws -> Firewall {
    let settings = try config.load()
    return Firewall(try reporting { try RuleSetting(settings) })
}

/// When `body` fails, says why and ends with exit code 1.
private func reporting<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch {
        printError("\(error)")
        throw Sluice.Failure.atRunTime
    }
}

private func reporting<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch {
        printError("\(error)")
        throw Sluice.Failure.atRunTime
    }
}
