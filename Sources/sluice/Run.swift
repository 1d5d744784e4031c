import ArgumentParser
import Glibc
import LinuxSystem
import Logging
import Middlebox
import Settings

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the middlebox in the foreground.",
        discussion: """
            SIGTERM or SIGINT lets running connections drain, removes the rules and ends with 0; a second one doesn't \
            wait. SIGHUP reads the configuration anew.
            """)

    @OptionGroup var config: ConfigOption
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func run() async throws {
        let settings = try load()
        let logger = Logger(label: "sluice") { LineLogHandler(level: Logger.Level(settings.log.level), label: $0) }
        let (events, continuation) = AsyncStream.makeStream(of: RunEvent.self)
        try Signals.handle([SIGTERM, SIGINT, SIGHUP]) { continuation.yield($0 == SIGHUP ? .reload : .stop) }
        // A write to a connection that is gone is an error to its writer, not the end of the daemon.
        signal(SIGPIPE, SIG_IGN)
        do {
            try await Middlebox.run(settings, log: logger, events: events) { try load() }
        } catch {
            printError("\(error)")
            throw Sluice.Failure.atRunTime
        }
    }

    private func load() throws -> Settings {
        var settings = try config.load()
        if let path = control.control ?? parent.control.control { settings.admin.control = path }
        return settings
    }
}

/// One line a message on standard error, with systemd's priority in front when it runs us (sd-daemon(3)), else the
/// level's name.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    private let underSystemd = getenv("JOURNAL_STREAM") != nil

    init(level: Logger.Level, label: String) { logLevel = level }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let prefix = underSystemd ? "<\(event.level.priority)>" : "\(event.level): "
        writeError("\(prefix)\(event.message)\n")
    }
}

extension Logger.Level {
    init(_ level: Settings.Log.Level) { self = Logger.Level(rawValue: level.rawValue) ?? .info }

    /// The syslog priority (RFC 5424 section 6.2.1).
    fileprivate var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
