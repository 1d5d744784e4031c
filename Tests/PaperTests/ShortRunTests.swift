import Foundation
import Lab
import Testing

@testable import sluice_lab

/// The experiments themselves, briefly: the report's claims have to hold.
@Suite(.serialized, .enabled(if: geteuid() == 0, "needs root: makes network namespaces"), .timeLimit(.minutes(10)))
struct ShortRunTests {
    /// What is compared here differs by its nature, not by the machine's speed; but a machine that stands still at the
    /// wrong moment can spoil one attempt.
    private static let attempts = 3

    @Test(arguments: ["fig2", "fig3", "fig4", "fig6", "fig7", "table1"])
    func theClaimsHold(_ name: String) async throws {
        let experiment = try #require(ExperimentList(argument: name)).experiments[0]
        var refuted: [Claim] = []
        for _ in 1...Self.attempts {
            refuted = try await withFolder { folder in
                try await PaperRunner(experiments: [experiment], scale: .short).run(in: folder)
                let findings = try experiment.findings(folder)
                #expect(!findings.claims.isEmpty)
                #expect(!findings.plots.isEmpty)
                for series in findings.plots.flatMap(\.series) {
                    let table = try folder.table(series.file)
                    for column in series.y { #expect(table.columns.contains(column), "\(series.file): \(column)") }
                }
                return findings.claims.filter { !$0.holds && !$0.dependsOnSpeed }
            }
            if refuted.isEmpty { return }
        }
        #expect(refuted.isEmpty)
    }

    @Test func conversionTimesAreInOrder() async throws {
        try await withFolder { folder in
            try await PaperRunner(experiments: [ConversionTime()], scale: .short).run(in: folder)
            let table = try folder.table("table1.csv")
            let columns = try ["p50_s", "p99_s", "longest_s"].map { try table.numbers($0) }
            #expect(columns[0].allSatisfy { $0 > 0 })
            for (less, more) in zip(columns, columns.dropFirst()) { #expect(zip(less, more).allSatisfy { $0 <= $1 }) }
        }
    }

    /// `sluice-lab paper` in the middle of a run, and SIGTERM: no namespace and no file in /tmp stays.
    @Test func anInterruptedRunLeavesNothingBehind() async throws {
        try await withFolder { folder in
            let command = [try Lab.programBeside("sluice-lab"), "paper", "--only", "fig2", "--out", folder.path]
            let process = try ChildProcess(command, file: "\(folder.path)/output")
            let mark = "sluice-\(process.pid)-"
            let leftovers = { ["/run/netns", "/tmp"].flatMap(directoryEntries).filter { $0.contains(mark) } }
            let deadline = ContinuousClock.now + .seconds(60)
            while leftovers().count < 4, process.status == nil, .now < deadline {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(leftovers().count >= 4, "it has begun: \(process.errors)")
            // Into the first transfer, unless the machine is slow.
            try await Task.sleep(for: .seconds(2))
            process.signal(SIGTERM)
            #expect(try await process.wait() == .signalled(SIGTERM))
            #expect(leftovers().isEmpty)
        }
    }

    private func withFolder<Value>(_ body: (ResultFolder) async throws -> Value) async throws -> Value {
        let path = FileManager.default.temporaryDirectory.appending(path: "paper-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(try ResultFolder(path))
    }
}
