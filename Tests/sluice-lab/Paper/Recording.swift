import Lab

/// What was seen of a transfer: a series over time, and figures of the whole.
struct Recording: Sendable {
    let transfer: Transfer
    let samples: [Lab.TrafficSample]
    /// Of payload.
    let bytes: UInt64
    /// From connecting to the end of the stream.
    let seconds: Double

    static let seriesColumns =
        [
            "seconds", "wired_mbits", "wireless_mbits", "total_mbits", "goodput_mbits",
        ] + countColumns + ["waiting_kb"]
    private static let countColumns = ["box_resent", "server_resent", "reinjected", "out_of_order", "queue_drops"]

    /// A row for each interval, at its end: rates in it, and how many segments were sent again by box and server, were
    /// put on another subflow by the box's MPTCP, came to the client's TCP or MPTCP out of order, or were dropped because
    /// client or box had no room.
    var series: CSVTable {
        var table = CSVTable(Self.seriesColumns)
        for (before, after) in zip(samples, samples.dropFirst()) {
            let rates = Self.rates(before, after)
            table.append(
                [Self.text(after.time.inSeconds, 3)] + (rates + [rates.reduce(0, +)]).map { Self.text($0, 2) }
                    + [Self.text(Self.goodput(before, after), 2)] + Self.counts(before, after)
                    + [Self.text(Double(after.waiting) / 1000, 1)])
        }
        return table
    }

    static let summaryColumns =
        [
            "run", "round", "control", "buffer_mb", "relay_mb", "mtu", "megabytes", "seconds", "whole_mbits",
            "wired_mbits",
            "wireless_mbits", "total_mbits", "goodput_mbits",
        ] + countColumns + ["waiting_kb_mean", "waiting_kb_max"]

    /// Rates from `start` to `end`, seconds into the transfer; counts of the whole transfer. `whole_mbits` is payload by
    /// the time of the whole transfer.
    func summary(_ run: String, round: Int, from start: Double, to end: Double) -> [String] {
        let window = samples.filter { start...end ~= $0.time.inSeconds }
        let (first, last) = (window.first ?? samples[0], window.last ?? samples[samples.count - 1])
        let rates = Self.rates(first, last)
        let waiting = window.map { Double($0.waiting) / 1000 }
        let memory = [transfer.buffer, transfer.relayBuffer].map { $0.map { Self.text(Double($0) / 1e6, 3) } ?? "" }
        let setting = [transfer.congestionControl] + memory + ["\(transfer.mtu)"]
        let whole = [Double(bytes) / 1e6, seconds, Double(bytes) * 8e-6 / seconds]
        let steady = rates + [rates.reduce(0, +), Self.goodput(first, last)]
        return [run, "\(round)"] + setting + (whole + steady).map { Self.text($0, 2) }
            + Self.counts(samples[0], samples[samples.count - 1])
            + [Statistics.mean(waiting), waiting.max() ?? .nan].map { Self.text($0, 1) }
    }

    /// Mbit/s by each link.
    private static func rates(_ before: Lab.TrafficSample, _ after: Lab.TrafficSample) -> [Double] {
        zip(before.bytes, after.bytes).map { rate($0, $1, before, after) }
    }

    private static func goodput(_ before: Lab.TrafficSample, _ after: Lab.TrafficSample) -> Double {
        guard let from = before.metered.first, let to = after.metered.first else { return .nan }
        return rate(from, to, before, after)
    }

    /// A row for each interval: its end in seconds, then Mbit/s of each meter and of each link.
    static func rates(_ samples: [Lab.TrafficSample], _ columns: [String]) -> CSVTable {
        var table = CSVTable(columns)
        for (before, after) in zip(samples, samples.dropFirst()) {
            let rates = [(before.metered, after.metered), (before.bytes, after.bytes)].flatMap { from, to in
                zip(from, to).map { rate($0, $1, before, after) }
            }
            table.append([text(after.time.inSeconds, 3)] + rates.map { text($0, 2) })
        }
        return table
    }

    static func rate(
        _ from: UInt64, _ to: UInt64, _ before: Lab.TrafficSample, _ after: Lab.TrafficSample
    ) -> Double {
        let time = (after.time - before.time).inSeconds
        return time > 0 ? Double(to &- from) * 8e-6 / time : 0
    }

    /// The kernel's counters, as nstat(8) has them.
    private static func counts(_ before: Lab.TrafficSample, _ after: Lab.TrafficSample) -> [String] {
        let box = { (name: String) in (after.box[name] ?? 0) &- (before.box[name] ?? 0) }
        let server = { (name: String) in (after.server[name] ?? 0) &- (before.server[name] ?? 0) }
        let client = { (name: String) in (after.client[name] ?? 0) &- (before.client[name] ?? 0) }
        return [
            box("TcpRetransSegs"), server("TcpRetransSegs"), box("MPTcpExtMPTCPRetrans"),
            client("TcpExtTCPOFOQueue") + client("MPTcpExtOFOQueue"),
            client("TcpExtTCPRcvQDrop") + box("TcpExtTCPRcvQDrop"),
        ].map(String.init)
    }

    /// Empty when it is not a number.
    static func text(_ value: Double, _ places: Int) -> String {
        value.isFinite ? decimal(value, places: places) : ""
    }
}

extension Run {
    /// A transfer whose series goes to `EXPERIMENT-LABEL.csv` (the first round's) and whose figures are a row of
    /// `EXPERIMENT.csv`. Rates are of the time from `steadyFrom` on, seconds.
    static func transfer(
        _ experiment: any Experiment, _ label: String, round: Int = 1, _ transfer: Transfer,
        steadyFrom start: Double? = nil,
        keepsSeries: Bool = true, lasting estimate: Duration? = nil,
        meanwhile: @Sendable @escaping (Lab, SluiceDaemon?) async throws -> Void = { _, _ in }
    ) -> Run {
        let name = experiment.name
        return Run(label: label, duration: (estimate ?? transfer.amount.estimate) + .seconds(2)) { folder in
            let recording = try await transfer.run(meanwhile)
            if round == 1, keepsSeries { try folder.write(recording.series, to: "\(name)-\(label).csv") }
            let first = start ?? min(3, recording.seconds / 3)
            let row = recording.summary(label, round: round, from: first, to: recording.seconds - 0.1)
            try folder.append(row, Recording.summaryColumns, to: "\(name).csv")
        }
    }
}

extension Transfer.Amount {
    /// Over both links together.
    fileprivate var estimate: Duration {
        switch self {
        case .time(let duration): duration
        case .bytes(let size): .seconds(Double(size) * 8e-6 / 110)
        }
    }
}
