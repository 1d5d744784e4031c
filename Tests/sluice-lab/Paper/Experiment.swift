import Lab

/// An experiment: how it is carried out, and what its figures say. The two know each other by CSV files only, so that a
/// report can be made anew from files, and a claim can't be about anything that isn't in them.
protocol Experiment: Sendable {
    /// What `--only` and the names of its files say.
    var name: String { get }
    var title: String { get }
    /// What was done.
    var setup: String { get }
    /// What the paper reports of it; nil: it isn't in the paper.
    var paper: String? { get }

    /// What has to be run, in this order. Each run writes its files.
    func runs(_ scale: Scale) -> [Run]
    /// Reads the files.
    func findings(_ folder: ResultFolder) throws -> Findings
}

/// How long and how often is measured.
enum Scale {
    case full
    /// For tests: the runs that the claims are about, once and briefly.
    case short

    func pick<Value>(_ full: Value, _ short: Value) -> Value { self == .full ? full : short }
    func seconds(_ full: Int, _ short: Int) -> Duration { .seconds(pick(full, short)) }
}

/// One lab, one measurement.
struct Run: Sendable {
    let label: String
    /// About how long it takes, for the progress line.
    let duration: Duration
    let body: @Sendable (ResultFolder) async throws -> Void
}

/// What an experiment's files say.
struct Findings {
    enum Agreement: String {
        case yes = "agrees"
        case partly = "agrees in part"
        case no = "differs"
        case beyond = "not in the paper"
    }

    /// What was measured, in Markdown.
    var measured: [String] = []
    var tables: [MarkdownTable] = []
    var plots: [Plot] = []
    /// Does the shape agree with the paper's?
    var agreement: Agreement
    /// Why, or why not.
    var reason: String
    var claims: [Claim] = []
}

/// Those that there are, in the report's order.
enum PaperExperiments {
    static let all: [any Experiment] = [
        Baseline(), LoadBalancing(), ReceiveBuffers(), PacketSizes(), FirstThrottle(), LongThrottle(),
        ConversionTime(), Outage(), CrossTraffic(), ReactiveThrottle(), ShapeOrSteer(), Fairness(),
    ]
}
