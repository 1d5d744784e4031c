import ArgumentParser
import Glibc
import LinuxSystem
import Logging
import Middlebox
import Settings
import Synchronization

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the middlebox in the foreground.",
        discussion: """
            SIGTERM or SIGINT lets running connections drain, removes the rules and ends with 0; a second one doesn't \
            wait. SIGHUP reads the configuration anew.
            """)

    @Flag(help: .hidden) var takeOver = false
    @OptionGroup var config: ConfigOption
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func run() async throws {
        let settings = withControl(try load())
        let level = LogLevel(settings.log.level)
        let logger = Logger(label: "sluice") { _ in LineLogHandler(level: level) }
        let (events, continuation) = AsyncStream.makeStream(of: RunEvent.self)
        try Signals.handle([SIGTERM, SIGINT, SIGHUP]) { continuation.yield($0 == SIGHUP ? .reload : .stop) }
        // A write to a connection that is gone is an error to its writer, not the end of the daemon.
        signal(SIGPIPE, SIG_IGN)
        do {
            let service = ServiceManager(environment: { name in getenv(name).map { String(cString: $0) } })
            try await Middlebox.run(settings, log: logger, events: events, service: service, isTakingOver: takeOver) {
                withControl(try Settings.load(path: config.config))
            } adopted: {
                level.value = $0.log.level
            }
        } catch {
            printError("\(error)")
            throw Sluice.Failure.atRunTime
        }
    }

    private func load() throws -> Settings {
        do {
            return try config.load()
        } catch {
            if takeOver {
                Middlebox.refuseTakeOver("\(config.config) is not right: sluice check --config \(config.config)")
            }
            throw error
        }
    }

    /// The settings with the control socket that the command line names.
    private func withControl(_ settings: Settings) -> Settings {
        var settings = settings
        if let path = control.control ?? parent.control.control { settings.admin.control = path }
        return settings
    }
}

/// `[log] level`, the same for every copy of the logger: a reload changes it.
final class LogLevel: Sendable {
    private let level: Mutex<Settings.Log.Level>

    fileprivate init(_ level: Settings.Log.Level) { self.level = Mutex(level) }

    var value: Settings.Log.Level {
        get { level.withLock(\.self) }
        set { level.withLock { $0 = newValue } }
    }
}

/// One line a message on standard error, with systemd's priority in front when it runs us (sd-daemon(3)), else the
/// level's name.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    private let level: LogLevel
    private let underSystemd = getenv("JOURNAL_STREAM") != nil

    init(level: LogLevel) { self.level = level }

    /// Setting it is for libraries that have a level of their own; here there is one for all.
    var logLevel: Logger.Level {
        get { Logger.Level(level.value) }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let prefix = underSystemd ? "<\(event.level.priority)>" : "\(event.level): "
        // A message that nobody takes is left out: packets are decided about on the threads that log.
        var output = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        guard poll(&output, 1, 0) == 1 else { return }
        writeError(event.message.description.split(separator: "\n").map { "\(prefix)\($0)\n" }.joined())
    }
}

extension Logger.Level {
    fileprivate init(_ level: Settings.Log.Level) { self = Logger.Level(rawValue: level.rawValue) ?? .info }

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
