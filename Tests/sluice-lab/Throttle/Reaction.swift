import Lab
import LinuxSystem

/// How soon a rule takes hold: from the join's last ACK to the first packet in the class. Links without a limit, so that
/// packets follow one another closely.
struct Reaction {
    let connections: Int

    func run() async throws {
        let rule = """

            [[throttle]]
            name = "relieve"
            interface = "lan0"
            min_subflows = 2
            download = "10mbit"
            """
        let configuration = LabConfiguration()
        let times = try await Lab.with(configuration) { lab in
            try await lab.startSluice(configuration: configuration.sluiceDefaults + rule)
            try await lab.serve()
            let probe = try await ThrottleProbe(lab, join: lab.links(of: .client(0))[1], classMask: 0xff_0000)
            defer { probe.stop() }
            var times: [Duration] = []
            for _ in 0..<connections {
                _ = try await lab.transfer(.download, 5_000_000)
                if let time = probe.take() { times.append(time) }
            }
            return times.sorted()
        }
        guard !times.isEmpty else { throw LabCommandError(description: "no packet was ever classified") }
        let place = { (part: Double) in times[min(times.count - 1, Int(part * Double(times.count)))] }
        let figures = [place(0.5), place(0.9), place(0.99), times.last!].map { "\($0.microseconds)" }
        print(textTable([["connections", "p50 us", "p90 us", "p99 us", "longest us"], ["\(times.count)"] + figures]))
    }
}
