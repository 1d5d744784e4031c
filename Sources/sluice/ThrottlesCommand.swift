import Admin
import ArgumentParser
import Foundation

struct Throttles: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The throttles: how they fare, and changes at run time.",
        discussion: """
            What is changed here stays so across a reload, unless the reload changes that rule's entry in the file. A \
            restart begins with the file.
            """,
        subcommands: [List.self, Set.self, Clear.self, Add.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The rules in the order in which they are tried, and their classes.")

        @OptionGroup var output: JSONOption
        @OptionGroup var control: ControlOption
        @ParentCommand var parent: Throttles

        func run() async throws {
            let client = control.client(parent.parent.control)
            if output.json {
                let body = try await asking { () throws(ControlError) in try await client.get("/v1/throttles") }
                FileHandle.standardOutput.write(body)
            } else {
                let throttles = try await asking { () throws(ControlError) in try await client.throttles() }
                print(throttles.isEmpty ? "no throttles" : Self.text(throttles))
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Change a rule's rates, for running connections too.")

        @Argument(help: "The rule's name.")
        var name: String
        @Option(help: "Towards the client, in tc's units, e.g. 10mbit.")
        var download: String?
        @Option(help: "From the client.")
        var upload: String?
        @OptionGroup var control: ControlOption
        @ParentCommand var parent: Throttles

        func validate() throws {
            if download == nil, upload == nil { throw ValidationError("give --download, --upload or both") }
        }

        func run() async throws {
            let client = control.client(parent.parent.control)
            try await asking { () throws(ControlError) in
                try await client.setThrottle(name, ThrottleRates(download: download, upload: upload))
            }
        }
    }

    struct Clear: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lift a rule: its subflows go at full speed again, at once.")

        @Argument(help: "The rule's name.")
        var name: String
        @OptionGroup var control: ControlOption
        @ParentCommand var parent: Throttles

        func run() async throws {
            let client = control.client(parent.parent.control)
            try await asking { () throws(ControlError) in try await client.clearThrottle(name) }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a rule behind the others, for running connections too.",
            discussion: "The options are the keys of [[throttle]] in the configuration file, and mean the same.")

        @Argument(help: "The rule's name.")
        var name: String
        @OptionGroup var rule: RuleOptions
        @OptionGroup var control: ControlOption
        @ParentCommand var parent: Throttles

        func run() async throws {
            let client = control.client(parent.parent.control)
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            let body = try encoder.encode(RuleRequest(name: name, options: rule))
            try await asking { () throws(ControlError) in try await client.addThrottle(body) }
        }
    }

    @ParentCommand var parent: Sluice
}

/// The keys of `[[throttle]]` as options; the daemon checks the values.
struct RuleOptions: ParsableArguments {
    @Option(help: "Where the client's packets come in; may be repeated.")
    var interface: [String] = []
    @Option(help: "A prefix of clients; may be repeated.")
    var client: [String] = []
    @Option(help: "A prefix of servers; may be repeated.")
    var server: [String] = []
    @Option(help: "A port of the server's, or a range such as 8000-8999; may be repeated.")
    var port: [String] = []
    @Flag(inversion: .prefixedNo, help: "Only subflows that their client asks to be a backup, or only the others.")
    var backup: Bool?
    @Option(help: "Only subflows with this address ID of the client's.")
    var addressID: Int?
    @Option(help: "Only while the connection has so many subflows.")
    var minSubflows: Int?
    @Option(help: "Only once so many bytes have been moved, e.g. 1GB.")
    var afterBytes: String?
    @Option(help: "Whose bytes: connection or client.")
    var afterBytesOf: String?
    @Option(help: "Only at this time of day, e.g. 08:00-18:00; may be repeated.")
    var hours: [String] = []
    @Option(help: "shape or backup.")
    var action: String?
    @Option(help: "The rate towards the client, in tc's units, e.g. 10mbit.")
    var download: String?
    @Option(help: "The rate from the client.")
    var upload: String?
    @Option(help: "Who shares a rate: class, client or subflow.")
    var per: String?
    @Option(help: "congested: only while the path is.")
    var when: String?
    @Option(help: "With --when: the path, by its name in the file; the interface's unless said.")
    var path: String?
    @Option(help: "With --when: a round trip above which the path counts as congested, e.g. 150ms.")
    var maxRtt: String?
    @Option(help: "With --when: a share of bytes sent again above which it does, e.g. 2%.")
    var maxLoss: String?
    @Option(help: "With --when: how long it stays on or off at least, e.g. 5s.")
    var minHold: String?
    @Flag(help: "Replace a qdisc that somebody else put on the interface, and put it back at the end.")
    var takeOver = false
}

/// A rule as the daemon takes it.
private struct RuleRequest: Encodable {
    let name: String
    let interface: [String]?
    let clients: [String]?
    let servers: [String]?
    let ports: [String]?
    let backup: Bool?
    let addressId: Int?
    let minSubflows: Int?
    let afterBytes: String?
    let afterBytesOf: String?
    let hours: [String]?
    let action: String?
    let download: String?
    let upload: String?
    let per: String?
    let when: String?
    let path: String?
    let maxRtt: String?
    let maxLoss: String?
    let minHold: String?
    let takeOver: Bool?

    init(name: String, options: RuleOptions) {
        let list = { (values: [String]) in values.isEmpty ? nil : values }
        self.name = name
        interface = list(options.interface)
        clients = list(options.client)
        servers = list(options.server)
        ports = list(options.port)
        backup = options.backup
        addressId = options.addressID
        minSubflows = options.minSubflows
        afterBytes = options.afterBytes
        afterBytesOf = options.afterBytesOf
        hours = list(options.hours)
        action = options.action
        download = options.download
        upload = options.upload
        per = options.per
        when = options.when
        path = options.path
        maxRtt = options.maxRtt
        maxLoss = options.maxLoss
        minHold = options.minHold
        takeOver = options.takeOver ? true : nil
    }
}

extension Throttles.List {
    fileprivate static func text(_ throttles: [ThrottleReport]) -> String {
        let heading = [
            "NAME", "INTERFACE", "DOWNLOAD", "UPLOAD", "SUBFLOWS", "SO FAR", "REFUSED", "NOW", "BYTES", "DROPS",
            "OVERLIMITS", "BACKLOG", "",
        ]
        return table([heading] + throttles.flatMap(rows))
    }

    /// One row for the rule, one for each of its classes.
    private static func rows(_ throttle: ThrottleReport) -> [[String]] {
        let condition = throttle.when.map { throttle.on ? "on: its path is \($0)" : "off until its path is \($0)" }
        let remarks = [throttle.obstacle, condition, throttle.changed ? "changed at run time" : nil].compactMap { $0 }
        let summary = [
            throttle.name, throttle.interfaces.joined(separator: ","),
            throttle.action == "backup" ? "backup" : throttle.download.map(rate) ?? "-",
            throttle.upload.map(rate) ?? "-", "\(throttle.subflows)", "\(throttle.matched)", "\(throttle.refused)",
            "", "", "", "", "", remarks.joined(separator: "; "),
        ]
        let classes = throttle.classes.map { entry in
            let isDownload = entry.direction == "download"
            return [
                "  \(entry.class)", entry.interface, isDownload ? rate(entry.rate) : "",
                isDownload ? "" : rate(entry.rate),
                "\(entry.subflows)", "", "", rate(entry.recentRate), bytes(entry.bytes), "\(entry.drops)",
                "\(entry.overlimits)", bytes(entry.backlog), entry.subflow ?? entry.client ?? "",
            ]
        }
        return [summary] + classes
    }
}
