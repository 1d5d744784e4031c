import Foundation
import Lab

/// What Prometheus would make of an answer, which has to be without fault.
struct Scrape {
    /// Values by series, as they are written: `sluice_dials_total`, `sluice_state{state="running"}`.
    private(set) var values: [String: Double] = [:]
    /// `gauge`, `counter` or `histogram`, by family.
    private(set) var types: [String: String] = [:]
    private var helped: Set<String> = []

    /// Throws for the first line that is wrong.
    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Unexpected("the last line doesn't end") }
        var family = ""
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            if let match = line.wholeMatch(of: /# HELP ([a-z_]+) (.+)/) {
                family = String(match.1)
                guard helped.insert(family).inserted else { throw Unexpected("twice: \(line)") }
            } else if let match = line.wholeMatch(of: /# TYPE ([a-z_]+) (gauge|counter|histogram)/) {
                guard match.1 == family, types[family] == nil else { throw Unexpected("out of place: \(line)") }
                types[family] = String(match.2)
            } else {
                try read(line, family)
            }
        }
        try checkHistograms()
    }

    private mutating func read(_ line: Substring, _ family: String) throws {
        let sample = /([a-z_]+)(\{[a-z_]+="(?:[^"\\]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\]|\\["\\n])*")*\})? (\S+)/
        guard let match = line.wholeMatch(of: sample), let value = Double(match.3) else {
            throw Unexpected("no sample: \(line)")
        }
        guard let type = types[family], Self.names(family, type).contains(String(match.1)) else {
            throw Unexpected("not of \(family): \(line)")
        }
        let series = "\(match.1)\(match.2 ?? "")"
        guard values.updateValue(value, forKey: series) == nil else { throw Unexpected("twice: \(line)") }
        if type != "gauge", value < 0 { throw Unexpected("negative: \(line)") }
    }

    private static func names(_ family: String, _ type: String) -> [String] {
        switch type {
        case "counter": family.hasSuffix("_total") ? [family] : []
        case "histogram": ["_bucket", "_sum", "_count"].map { family + $0 }
        default: [family]
        }
    }

    private func checkHistograms() throws {
        for (family, type) in types where type == "histogram" {
            var buckets: [String: [(bound: Double, count: Double)]] = [:]
            for (series, value) in values {
                let bucket = try Regex("\(family)_bucket(\\{?.*?),?\\{?le=\"([^\"]+)\"\\}")
                guard let match = series.wholeMatch(of: bucket), let bound = match[2].substring else { continue }
                buckets[String(match[1].substring ?? ""), default: []].append((Double(bound) ?? .nan, value))
            }
            for (labels, entries) in buckets {
                let counts = entries.sorted { $0.bound < $1.bound }.map(\.count)
                let total = values["\(family)_count\(labels.count > 1 ? labels + "}" : "")"]
                guard counts == counts.sorted(), counts.last == total,
                    entries.contains(where: { $0.bound == .infinity })
                else { throw Unexpected("\(family)\(labels): buckets \(counts), count \(total ?? -1)") }
            }
        }
    }

    subscript(series: String) -> Double? { values[series] }

    /// The series that may not fall.
    var counters: [String: Double] {
        values.filter { series, _ in
            let name = String(series.prefix { $0 != "{" })
            return types[name] == "counter"
                || types.contains { $0.value == "histogram" && Self.names($0.key, $0.value).contains(name) }
        }
    }

    /// Series that have fallen, or gone, since an earlier scrape.
    func fallen(since earlier: Scrape) -> [String] {
        earlier.counters.filter { $0.value > values[$0.key] ?? -1 }.map { "\($0.key): \($0.value)" }.sorted()
    }
}

extension Lab {
    /// An answer's status, content type and body.
    private func curl(_ arguments: [String]) async throws -> (status: String, type: String, body: String) {
        let words = ["curl", "-sS", "-g", "--max-time", "20", "-w", "\n%{http_code} %{content_type}"]
        let result = try await run(in: .box, words + arguments, within: .seconds(30))
        guard result.status.isSuccess, let end = result.output.lastIndex(of: "\n") else {
            throw Unexpected("\(arguments): \(result.errors)")
        }
        let parts = result.output[result.output.index(after: end)...].split(separator: " ", maxSplits: 1)
        return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "", String(result.output[..<end]))
    }

    func scrape(_ url: String) async throws -> Scrape { try await scrape([url]) }

    /// Over the control socket.
    func scrape(_ daemon: SluiceDaemon) async throws -> Scrape {
        try await scrape(["--unix-socket", daemon.controlPath, "http://sluice/metrics"])
    }

    func scrape(_ arguments: [String]) async throws -> Scrape {
        let answer = try await curl(arguments)
        guard answer.status == "200", answer.type == "text/plain; version=0.0.4; charset=utf-8" else {
            throw Unexpected("\(answer)")
        }
        return try Scrape(answer.body)
    }
}
