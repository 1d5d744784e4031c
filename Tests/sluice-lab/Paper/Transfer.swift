import Lab
import Wire

/// One download over the paper's network, as a run of an experiment.
struct Transfer: Sendable {
    enum Amount: Sendable {
        /// As much as goes through in this time.
        case time(Duration)
        /// So many bytes, each of which is verified.
        case bytes(UInt64)
    }

    var amount: Amount
    var transport = PeerProtocol.mptcp
    /// The link to connect by; the default route otherwise.
    var link: Int?
    /// Lines for Sluice's configuration behind its `[intercept]`; nil: there is no box in the way.
    var sluice: String? = ""
    var congestionControl = PaperNetwork.congestionControl
    /// Receive memory of the client's sockets, in bytes; the kernel's tuning otherwise.
    var buffer: Int?
    /// The same of the relay's sockets: `receive_buffer`.
    var relayBuffer: Int?
    /// Of the client's two interfaces, in bytes.
    var mtu = 1500
    /// Between two looks at the counters.
    var interval = Duration.milliseconds(200)
    var samplesMemory = false

    /// Builds the network, transfers, and takes the network down. `meanwhile` runs beside the transfer, which must last
    /// longer.
    func run(
        _ meanwhile: @Sendable @escaping (Lab, SluiceDaemon?) async throws -> Void = { _, _ in }
    ) async throws -> Recording {
        try await Lab.with(PaperNetwork.configuration(sendingBy: congestionControl)) { lab in
            try await prepare(lab)
            let daemon = try await sluice.asyncMap { try await lab.startSluice(configuration: configuration(lab, $0)) }
            return try await carryOut(lab) { try await meanwhile(lab, daemon) }
        }
    }

    func prepare(_ lab: Lab) async throws {
        if let buffer { try lab.limitReceiveMemory(to: buffer) }
        if case .bytes = amount { try await lab.serve() }
        guard mtu < 1500 else { return }
        for link in lab.links(of: .client(0)) {
            try await lab.require(in: .client(0), ["ip", "link", "set", link.nodeInterface, "mtu", "\(mtu)"])
        }
    }

    /// The kernel takes SO_RCVBUF twofold (socket(7)): half of the memory is asked for.
    func configuration(_ lab: Lab, _ lines: String) -> String {
        let relay = relayBuffer.map { "\n[relay]\nreceive_buffer = \($0 / 2)\n" } ?? ""
        return lab.sluiceDefaults + relay + lines
    }

    func carryOut(_ lab: Lab, meanwhile: @Sendable @escaping () async throws -> Void) async throws -> Recording {
        let meter = ByteMeter()
        let source = link.map { lab.address(.client(0), link: $0) }
        let meters = if case .time = amount { [meter] } else { [ByteMeter]() }
        let (report, samples) = try await lab.sampling(every: interval, meters: meters, memory: samplesMemory) {
            async let report = transfer(lab, meter, source)
            try await meanwhile()
            return try await report
        }
        return Recording(transfer: self, samples: samples, bytes: report.bytes, seconds: report.seconds)
    }

    private func transfer(
        _ lab: Lab, _ meter: ByteMeter, _ source: IPAddress?
    ) async throws -> (bytes: UInt64, seconds: Double) {
        switch amount {
        case .time(let duration):
            return try await lab.withLoadServer {
                var plan = BulkPlan(to: lab.endpoint(.server(0), port: LoadServer.bulkPort), transport)
                plan.duration = duration
                plan.from = source.map { [$0] } ?? []
                plan.meter = meter
                let ready = plan
                let report = try await lab.inside(.client(0)) { try ready.run() }
                guard report.failures.isEmpty else { throw LabError.transfer(report.failures) }
                return (report.bytes, Double(report.nanoseconds) / 1e9)
            }
        case .bytes(let size):
            var plan = FetchPlan(to: lab.endpoint(.server(0), port: 5000), transport)
            plan.length = size...size
            plan.from = source
            let report = try await lab.fetch(plan)
            guard report.isSuccess else { throw LabError.transfer(report.failures) }
            return (report.bytes, report.duration.inSeconds)
        }
    }
}

extension Optional {
    fileprivate func asyncMap<Value>(_ body: (Wrapped) async throws -> Value) async throws -> Value? {
        if let self { try await body(self) } else { nil }
    }
}
