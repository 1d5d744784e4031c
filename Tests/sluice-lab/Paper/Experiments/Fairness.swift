import Lab

/// Beyond the paper: many users of the same two links.
struct Fairness: Experiment {
    let name = "fairness"
    let title = "Beyond the paper: many clients"
    let setup = """
        Ten users, each with an address of its own, share the wired and the wireless link, and all download for 12 s: by TCP \
        over the wired link without the box; by MPTCP through the box; and half of them by MPTCP, half by TCP. Two rounds.
        """
    let paper: String? = nil
    private static let users = 10
    private static let kinds = ["tcp", "mptcp", "mixed"]

    func runs(_ scale: Scale) -> [Run] {
        (1...scale.pick(2, 1)).flatMap { round in
            Self.kinds.map { kind in
                Run(label: "\(kind), round \(round)", duration: scale.seconds(14, 7)) { folder in
                    let goodputs = try await measure(kind, scale.seconds(12, 5))
                    for (user, goodput) in goodputs.enumerated() {
                        try folder.append(
                            [
                                kind, "\(round)", "\(user)", Self.transport(kind, user).rawValue,
                                Recording.text(goodput, 2),
                            ],
                            ["run", "round", "user", "protocol", "goodput_mbits"], to: "fairness.csv")
                    }
                }
            }
        }
    }

    private static func transport(_ kind: String, _ user: Int) -> PeerProtocol {
        switch kind {
        case "tcp": .tcp
        case "mptcp": .mptcp
        default: user < users / 2 ? .mptcp : .tcp
        }
    }

    /// Mbit/s of each user from the third second on.
    private func measure(_ kind: String, _ time: Duration) async throws -> [Double] {
        try await Lab.with(PaperNetwork.configuration()) { lab in
            let addresses = try lab.addAddresses(Self.users, to: .client(0))
            if kind != "tcp" { try await lab.startSluice() }
            let meters = addresses.map { _ in ByteMeter() }
            let (_, samples) = try await lab.sampling(every: .milliseconds(500), meters: meters) {
                try await lab.withLoadServer {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for (user, address) in addresses.enumerated() {
                            group.addTask {
                                try await lab.download(
                                    Self.transport(kind, user), from: "\(address)", meters[user], for: time)
                            }
                        }
                        try await group.waitForAll()
                    }
                }
            }
            let end = time.inSeconds
            let window = samples.filter { (min(3, end / 2)...end).contains($0.time.inSeconds) }
            guard let first = window.first, let last = window.last else { return [] }
            return zip(first.metered, last.metered).map { Recording.rate($0, $1, first, last) }
        }
    }

    func findings(_ folder: ResultFolder) throws -> Findings {
        let shares = try folder.table("fairness.csv")
        var table = MarkdownTable(heading: ["users", "Jain's index", "sum Mbit/s", "least", "most"])
        var bars = CSVTable(["user"] + Self.kinds)
        var indices: [String: Double] = [:]
        let kinds = try shares.distinct("run")
        let rates = try kinds.reduce(into: [String: [Double]]()) { rates, kind in
            let run = try shares.only("run", kind)
            rates[kind] = try (0..<Self.users).map {
                Statistics.mean(try run.only("user", "\($0)").numbers("goodput_mbits"))
            }
            let rounds = try run.distinct("round").map {
                Statistics.jain(try run.only("round", $0).numbers("goodput_mbits"))
            }
            indices[kind] = Statistics.mean(rounds)
            let all = rates[kind] ?? []
            table.rows.append(
                [kind, decimal(Statistics.mean(rounds), places: 3)]
                    + [all.reduce(0, +), all.min()!, all.max()!].map(Claim.text))
        }
        for user in 0..<Self.users {
            bars.append(["\(user + 1)"] + Self.kinds.map { Recording.text(rates[$0]?[user] ?? .nan, 2) })
        }
        try folder.write(bars, to: "fairness-users.csv")
        let mixed = Statistics.mean(Array((rates["mixed"] ?? []).dropFirst(Self.users / 2)))
        let (tcp, mptcp) = (indices["tcp"] ?? .nan, indices["mptcp"] ?? .nan)
        return Findings(
            measured: [
                "Goodput of each user, means of the rounds; Jain's index is 1 when all have the same, 1/10 when one has all."
            ],
            tables: [table],
            plots: [
                Plot(
                    name: "fairness", title: "Ten users of the same two links",
                    caption:
                        "Jain's index is \(decimal(tcp, places: 3)) without the box and \(decimal(mptcp, places: 3)) with it.",
                    x: Plot.Axis(label: "User"), y: Plot.Axis(label: "Goodput (Mbit/s)"),
                    series: kinds.map { kind in
                        Plot.Series(
                            file: "fairness-users.csv", x: "user", y: [kind], title: Self.title(kind), style: .boxes)
                    })
            ],
            agreement: .beyond, reason: Self.reason,
            claims: [
                Claim(
                    "beside MPTCP users, those of TCP have what they have among themselves", mixed, .atLeast(0.8),
                    Statistics.mean(rates["tcp"] ?? []), "Mbit/s"),
                Claim("the box doesn't make shares less fair", mptcp, .atLeast(0.9), tcp, ""),
                Claim(
                    "together they have more than by TCP", (rates["mptcp"] ?? []).reduce(0, +), .atLeast(1.05),
                    (rates["tcp"] ?? []).reduce(0, +), "Mbit/s"),
            ])
    }

    private static func title(_ kind: String) -> String {
        switch kind {
        case "tcp": "all TCP, without the box"
        case "mptcp": "all MPTCP, with the box"
        default: "with the box, 1 to 5 MPTCP, 6 to 10 TCP"
        }
    }

    private static let reason = """
        Each MPTCP connection has one subflow on the wired link, which competes there as one TCP connection does; that \
        congestion control isn't coupled does no harm as long as the links' bottlenecks are different ones. In the mixed run \
        the TCP users have no less than among themselves, but more: those of MPTCP, who have the wireless link besides, leave \
        them that much of the wired one, and all come out about even. Twelve seconds are short for ten Cubic connections to \
        find their shares; the differences between users change from round to round.
        """
}
