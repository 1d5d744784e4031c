import Glibc
import LinuxSystem
import Testing
import Wire

@testable import Lab

/// What the matrix's judgement rests on: the same observations, with one thing changed, by rows.
struct MatrixComparisonTests {
    private static let truth = {
        var truth = Observation()
        truth.client = "ok"
        truth.servers = ["ok"]
        truth.seconds = 0.1
        truth.connectSeconds = [0.01]
        truth.established = 1
        truth.reached = [0]
        truth.wires = [0]
        truth.sources = ["client"]
        truth.hasClientPort = true
        truth.serverMSS = [1460]
        truth.clientMSS = [1460]
        truth.serverDSCP = [0]
        truth.hopLimits = [63]
        truth.options = [[2, 3, 4, 8]]
        truth.notes = ["during": "x"]
        return truth
    }()

    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let change: @Sendable (inout Observation) -> Void
        /// What is found of an MPTCP client's run, and of a plain one.
        let mptcp: Set<Aspect>
        let plain: Set<Aspect>

        init(
            _ description: String, mptcp: Set<Aspect>, plain: Set<Aspect>? = nil,
            _ change: @escaping @Sendable (inout Observation) -> Void
        ) {
            testDescription = description
            self.mptcp = mptcp
            self.plain = plain ?? mptcp
            self.change = change
        }
    }

    static let rows = [
        Row("nothing", mptcp: []) { _ in },
        Row("another port", mptcp: [], plain: [.port]) { $0.hasClientPort = false },
        Row("another hop limit", mptcp: [], plain: [.hopLimit]) { $0.hopLimits = [64] },
        Row("the client's error", mptcp: [.client]) { $0.client = "receive: timed out" },
        Row("a server that waits", mptcp: [.server]) { $0.servers = ["receive: timed out"] },
        Row("a second connection at the server", mptcp: [.server]) { $0.servers.append("ok") },
        Row("the other uplink", mptcp: [.uplink, .wires]) {
            $0.reached = [1]
            $0.wires = [1]
        },
        Row("one packet by the other uplink", mptcp: [.wires]) { $0.wires = [0, 1] },
        Row("the router's address", mptcp: [.source]) { $0.sources = ["box 0"] },
        Row("a port below 1024", mptcp: [.portClass]) { $0.hasPrivilegedPort = true },
        Row("a higher MSS", mptcp: [.mss]) { $0.serverMSS = [1200, 1500] },
        Row("a lower MSS", mptcp: []) { $0.clientMSS = [1400] },
        Row("DSCP", mptcp: [.dscp]) { $0.serverDSCP = [0, 46] },
        Row("ECN", mptcp: [.ecn]) { $0.asksForECN = true },
        Row("options", mptcp: [.options]) { $0.options = [[2]] },
        Row("a reset", mptcp: [.resets]) { $0.hasReset = true },
        Row("a SYN sent again", mptcp: [.repeatedSYNs]) { $0.repeatedSYNs = 1 },
        Row("a note", mptcp: [.notes]) { $0.notes = [:] },
        Row("a second more to connect", mptcp: [.time]) { $0.connectSeconds = [1.1] },
        Row("a little more to connect", mptcp: []) { $0.connectSeconds = [0.5] },
        Row("long", mptcp: [.time]) { $0.seconds = 3 },
        Row("MPTCP switched off", mptcp: [.blackhole], plain: []) { $0.blackholes = 1 },
        Row("a dead daemon", mptcp: [.daemon]) { $0.isDaemonAlive = false },
    ]

    @Test(arguments: rows) func findsWhatDiffers(_ row: Row) {
        let comparison = Comparison(situation: Situation(name: "x", sentence: "x"), truth: Self.truth)
        var run = Self.truth
        row.change(&run)
        #expect(Set(comparison.problems(plain: run).map(\.aspect)) == row.plain)
        run.converted = 1
        #expect(Set(comparison.problems(mptcp: run).map(\.aspect)) == row.mptcp)
    }

    @Test(arguments: [
        (Treatment.converted, 1, true), (.converted, 0, false), (.passes, 0, true), (.passes, 1, false),
        (.either, 0, true), (.either, 1, true),
    ])
    func conversionIsAsExpected(_ expected: Treatment, _ converted: Int, _ isRight: Bool) {
        let comparison = Comparison(
            situation: Situation(name: "x", sentence: "x", expected: expected), truth: Self.truth)
        var run = Self.truth
        run.converted = converted
        #expect(comparison.problems(mptcp: run).map(\.aspect) == (isRight ? [] : [.conversion]))
    }

    @Test func aPlainClientIsNeverConverted() {
        let comparison = Comparison(situation: Situation(name: "x", sentence: "x"), truth: Self.truth)
        var run = Self.truth
        run.converted = 1
        #expect(comparison.problems(plain: run).map(\.aspect) == [.conversion])
    }

    @Test func whatDiffersOnPurposeIsNoProblemOfAnMPTCPClient() {
        let comparison = Comparison(
            situation: Situation(name: "x", sentence: "x", differs: [.dscp: "on purpose"]), truth: Self.truth)
        var run = Self.truth
        run.serverDSCP = [46]
        #expect(comparison.problems(plain: run).map(\.aspect) == [.dscp])
        run.converted = 1
        #expect(comparison.problems(mptcp: run) == [])
    }

    @Test func aTruthThatFailsMakesTheSituationWrong() {
        var truth = Self.truth
        let (good, bad) = (Situation(name: "x", sentence: "x"), Situation(name: "x", sentence: "x", endsWell: false))
        #expect(Comparison(situation: good, truth: truth).problemOfTruth == nil)
        truth.servers = ["ok", "receive: timed out"]
        #expect(Comparison(situation: good, truth: truth).problemOfTruth?.aspect == .client)
        #expect(Comparison(situation: bad, truth: truth).problemOfTruth == nil)
    }

    @Test func hopLimitsAreComparedWhereASituationSaysSo() {
        let comparison = Comparison(
            situation: Situation(name: "x", sentence: "x", alsoEqual: [.hopLimit]), truth: Self.truth)
        var run = Self.truth
        run.hopLimits = [64]
        run.converted = 1
        #expect(comparison.problems(mptcp: run).map(\.aspect) == [.hopLimit])
    }
}

/// The lists.
struct MatrixSituationTests {
    @Test func thereAreEnough() { #expect(TransparencyMatrix.situations.count >= 60) }

    @Test func namesAreUnique() {
        let names = TransparencyMatrix.situations.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" } })
    }

    @Test func bothKindsOfIPTablesAreTriedWhereRulesMatter() {
        let plain = Situation(name: "x", sentence: "x", router: ["ipf route show"])
        let ruled = Situation(name: "y", sentence: "y", during: ["ipt -F"])
        #expect(TransparencyMatrix.cells(of: [plain]).count == 2)
        #expect(TransparencyMatrix.cells(of: [ruled]).count == 4)
        #expect(TransparencyMatrix.cells(of: [ruled], families: [.v6], kinds: [.legacy]).count == 1)
    }
}

/// A short selection of the matrix; `sluice-lab matrix` runs all of it.
@Suite(.serialized, .enabled(if: getuid() == 0, "network namespaces need root")) struct MatrixTests {
    static let selection = [
        "equal-cost-routes-by-ports", "multipath-option-rejected", "zone-by-direction", "uplink-by-dscp",
        "fetch", "half-close-by-server", "reset-by-client", "closed-port", "stateful-forward", "masquerade",
        "port-forwarding", "router-itself",
    ]

    @Test(arguments: selection, IPFamily.allCases)
    func everythingIsAsWithoutTheBox(_ name: String, _ family: IPFamily) async throws {
        var situation = try #require(TransparencyMatrix.situations.first { $0.name == name })
        // The tests' machine may be busy.
        situation.advanced = "dial_timeout = \"900ms\"\n"
        let cells = TransparencyMatrix.cells(of: [situation], families: [family], kinds: [.nft])
        for row in await TransparencyMatrix.run(cells, tries: 3) {
            #expect(row.verdict == .passed)
            #expect(row.problems.map(\.description) == [])
        }
    }

    /// A box that isn't transparent is found out: here by a rule that sends MPTCP's SYNs by the other uplink.
    @Test func aLeakIsFound() async throws {
        let situation = Situation(
            name: "leak", sentence: "MPTCP leaves by the wrong uplink.",
            router: [
                "ipf route add default via $G1 dev wan1 table 100", "ipf rule add fwmark 0x1/0x1 lookup 100",
                "ipt -t mangle -A PREROUTING -i lan+ -p tcp --syn --tcp-option 30 -j MARK --set-xmark 0x1/0x1",
            ], behaviour: .fetch(1000), expected: .either)
        let cells = TransparencyMatrix.cells(of: [situation], families: [.v4], kinds: [.nft])
        let row = try #require(await TransparencyMatrix.run(cells).first)
        #expect(row.verdict == .failed)
        #expect(row.problems.contains { $0.aspect == .wires || $0.aspect == .uplink })
        #expect(row.problems.allSatisfy { $0.description.hasPrefix("mptcp: ") })
    }
}
