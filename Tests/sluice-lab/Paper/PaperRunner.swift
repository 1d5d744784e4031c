import Foundation
import Glibc
import Lab

/// Carries experiments out, one run after the other, and says on standard error where it is.
struct PaperRunner {
    let experiments: [any Experiment]
    let scale: Scale

    func run(in folder: ResultFolder) async throws {
        let plan = experiments.map { (experiment: $0, runs: $0.runs(scale)) }
        var left = plan.flatMap(\.runs).reduce(Duration.zero) { $0 + $1.duration }
        for (number, (experiment, runs)) in plan.enumerated() {
            try folder.clear(experiment.name)
            for (index, run) in runs.enumerated() {
                let place = "\(experiment.name) (\(number + 1) of \(plan.count)), run \(index + 1) of \(runs.count)"
                Self.say("\(place): \(run.label), \(Self.minutes(left)) to go")
                try await run.body(folder)
                left -= run.duration
            }
            let row = [
                experiment.name, Self.today, Machine.kernel, Machine.processor, scale == .full ? "full" : "short",
            ]
            try folder.append(
                row, ["experiment", "date", "kernel", "processor", "scale"], to: "\(experiment.name)-run.csv")
        }
        Self.say(nil)
    }

    private static var today: String { String(ISO8601DateFormatter().string(from: Date()).prefix(10)) }

    private static func minutes(_ time: Duration) -> String {
        time < .seconds(90) ? "\(Int(time.inSeconds)) s" : "about \(Int((time.inSeconds / 60).rounded())) min"
    }

    /// One line that is written over on a terminal; elsewhere, a line each.
    private static func say(_ text: String?) {
        if isatty(STDERR_FILENO) == 1 { return progress(text) }
        if let text { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
    }
}
