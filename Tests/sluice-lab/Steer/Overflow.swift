import Lab

/// `priority-based`: what fits stays on the wired link, what is too much goes by the mobile one, until it fits again.
struct Overflow {
    let control: String
    let verbose: Bool

    static let rule =
        LabConfiguration.paths + """
            [[steer]]
            name = "overflow"
            mode = "priority-based"
            high = "wired"
            low = "mobile"
            min_hold = "5s"

            """

    func run() async throws -> [[String]] {
        try await rows(.download) + rows(.upload)
    }

    private func rows(_ operation: PeerRequest.Operation) async throws -> [[String]] {
        // What is wanted of a download is set by the server's link, of an upload by the client: it would fill the box's buffers
        // first otherwise.
        let isUpload = operation == .upload
        let configuration = LabConfiguration.steered(control, wanted: isUpload ? .gbit(1) : .mbit(60))
        let pace = UploadPace(.mbit(60))
        return try await Lab.with(configuration) { lab in
            let sluice = try await lab.startSluice(configuration: configuration.sluiceDefaults + Self.rule)
            let direction = operation.direction
            let server = lab.links(of: .server(0))[0]
            var rows: [[String]] = []
            func row(_ wanted: Int, _ rates: [Double], full: Duration? = nil, empty: Duration? = nil) {
                rows.append(
                    [control, "\(operation)", "\(wanted)"] + rates.map(megabits)
                        + [percent(rates[1] / rates.reduce(0, +)), seconds(full), seconds(empty)])
            }
            func want(_ rate: BitRate) throws {
                if isUpload { pace.set(rate) } else { try lab.setRate(of: server, rate) }
            }
            try await lab.loading(operation, for: .seconds(40), pace: isUpload ? pace : nil) {
                try await Task.sleep(for: .seconds(4))
                row(60, try await lab.rates(direction, during: .seconds(6)))
                try want(.mbit(200))
                _ = try await lab.time(direction, within: .seconds(5)) { $0[0] >= 0.85 * 90e6 }
                let full = try await lab.time(direction, within: .seconds(10)) { $0.reduce(0, +) >= 0.9 * 120e6 }
                row(200, try await lab.rates(direction, during: .seconds(8)), full: full)
                try want(.mbit(40))
                let empty = try await lab.time(direction, within: .seconds(10)) { $0[1] < 0.02 * 40e6 }
                row(40, try await lab.rates(direction, during: .seconds(4)), empty: empty)
                if verbose { print(try await sluice.command("paths", "--why").output) }
            }
            return rows
        }
    }
}

/// `priority-based` under a demand that changes each second.
struct RandomDemand {
    let control: String
    let seconds: Int

    func run() async throws -> [[String]] {
        let configuration = LabConfiguration.steered(control, wanted: .mbit(60))
        return try await Lab.with(configuration) { lab in
            let sluice = try await lab.startSluice(configuration: configuration.sluiceDefaults + Overflow.rule)
            let server = lab.links(of: .server(0))[0]
            let before = try lab.bytes(.towardsNode)
            try await lab.loading(for: .seconds(seconds)) {
                for _ in 0..<seconds - 2 {
                    try lab.setRate(of: server, .mbit(UInt64.random(in: 5...200)))
                    try await Task.sleep(for: .seconds(1))
                }
            }
            let carried = zip(try lab.bytes(.towardsNode), before).map { Double($0 - $1) * 8 / Double(seconds) }
            let times = try await lab.decisions(sluice).map(\.time)
            let closest = times.map { time in times.count { (time..<time + 4.99).contains($0) } }.max() ?? 0
            return [[control, "\(seconds)", "\(times.count)", "\(closest)"] + carried.map(megabits)]
        }
    }
}
