import ArgumentParser
import Lab
import Wire

extension PeerRequest.Operation: ExpressibleByArgument {
    public init?(argument: String) {
        guard let operation = Self.allCases.first(where: { "\($0)" == argument }) else { return nil }
        self = operation
    }

    public static var allValueStrings: [String] { allCases.map { "\($0)" } }
    public var defaultValueDescription: String { "\(self)" }
}

/// A range of lengths: `1000` or `0-1MB`.
struct LengthRange: ExpressibleByArgument {
    let range: ClosedRange<UInt64>

    init(_ range: ClosedRange<UInt64>) { self.range = range }

    init?(argument: String) {
        let ends = argument.split(separator: "-", omittingEmptySubsequences: false).map {
            ByteCount(argument: String($0))
        }
        guard (1...2).contains(ends.count), let low = ends.first!, let high = ends.last!, low.bytes <= high.bytes else {
            return nil
        }
        range = low.bytes...high.bytes
    }

    var defaultValueDescription: String { "\(range.lowerBound)-\(range.upperBound)" }
}

/// The test client as a program, to be run inside a namespace.
struct Fetch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "A test client for `serve`: verifies every byte; exit code 1 when any connection failed.")

    @Option(help: "The server, e.g. 10.9.0.2:5000.")
    var to: Endpoint
    @Option(name: .customLong("protocol"), help: "What to speak: tcp or mptcp.")
    var transport = PeerProtocol.mptcp
    @Option(help: "How many connections in all.")
    var count = 1
    @Option(help: "How many at a time.")
    var parallel = 1
    @Option(help: "The length of each transfer in bytes, drawn from MIN-MAX.")
    var length = LengthRange(0...1_000_000)
    @Option(help: "Seed of the lengths and of the bytes.")
    var seed: UInt32 = 1
    @Option(help: "What to do on each connection.")
    var operation = PeerRequest.Operation.download
    @Flag(help: "Short for --operation upload.")
    var upload = false
    @Option(help: "Keep each connection for so long before closing it, e.g. 30s.")
    var hold = Duration.zero
    @Option(help: "For the operation silence: seconds for which the server says nothing.")
    var pause: UInt8 = 0
    @Option(help: "Reset each connection after so many bytes.")
    var abortAfter: ByteCount?
    @Option(help: "The address to connect from.")
    var bind: IPAddress?
    @Option(help: "Give up on a server that is silent for so long.")
    var limit = Duration.seconds(60)
    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
        var plan = FetchPlan(to: to, transport)
        plan.operation = upload ? .upload : operation
        plan.count = count
        plan.parallel = parallel
        plan.length = length.range
        plan.seed = seed
        plan.hold = hold
        plan.pause = pause
        plan.abortAfter = abortAfter?.bytes
        plan.from = bind
        plan.limit = limit
        let report = try plan.run()
        print(json ? Self.json(report) : Self.text(report))
        if !report.isSuccess { throw ExitCode.failure }
    }

    private static func text(_ report: FetchReport) -> String {
        let failures = report.failures.map { "\($0.value) failed: \($0.key)" }.sorted()
        return
            ([
                "\(report.completed) connections, \(report.bytes) bytes verified, "
                    + "\(decimal(report.bitsPerSecond / 1e6, places: 1)) Mbit/s"
            ] + failures).joined(separator: "\n")
    }

    private static func json(_ report: FetchReport) -> String {
        // The descriptions are the kernel's and our own words: no quotes or backslashes.
        let failures = report.failures.map { "\"\($0.key)\": \($0.value)" }.sorted().joined(separator: ", ")
        return "{\"completed\": \(report.completed), \"bytes\": \(report.bytes), "
            + "\"seconds\": \(report.duration.inSeconds), \"bits_per_second\": \(UInt64(report.bitsPerSecond)), "
            + "\"failures\": {\(failures)}}"
    }
}
