import LinuxSystem
import Wire

/// Who speaks, and through what.
public enum MatrixVariant: String, CaseIterable, Codable, Sendable {
    /// A plain client; Sluice is off.
    case truth
    /// A plain client; Sluice runs.
    case plain
    /// An MPTCP client; Sluice runs.
    case mptcp
}

/// One run of a situation: a lab of its own.
struct MatrixRun: Sendable {
    let situation: Situation
    let family: IPFamily
    let kind: IPTablesKind
    let variant: MatrixVariant

    /// The condition for the situation doesn't hold on this machine.
    struct Unfit: Error {}

    private var transport: PeerProtocol { variant == .mptcp ? .mptcp : .tcp }

    func observe() async throws -> Observation {
        let configuration = LabConfiguration(
            clients: [.init(links: situation.links)], servers: situation.uplinks)
        return try await Lab.with(configuration) { lab in
            try await onThread(named: "matrix network") { try MatrixNetwork.prepare(lab) }
            let shell = RouterShell(lab, family, kind, port: situation.ports[0])
            if let needs = situation.needs {
                let answer = try await lab.run(in: .box, shell.command([needs]))
                guard answer.status.isSuccess else { throw Unfit() }
            }
            try await set(.server(0), situation.server, lab, shell)
            try await set(.server(1), situation.server, lab, shell)
            try await set(.client(0), situation.client, lab, shell)
            try await setHops(lab, shell)
            try await set(.box, situation.router, lab, shell)
            let daemon = variant == .truth ? nil : try await lab.startSluice(configuration: settings(lab))
            try await set(.box, situation.started, lab, shell, pid: daemon?.process.pid)
            return try await converse(lab, shell, daemon)
        }
    }

    private func set(
        _ node: Lab.Node, _ lines: [String], _ lab: Lab, _ shell: RouterShell, pid: Int32? = nil
    ) async throws {
        guard !lines.isEmpty else { return }
        try await lab.require(in: node, shell.command(lines, pid: pid))
    }

    private func setHops(_ lab: Lab, _ shell: RouterShell) async throws {
        guard !situation.hop.isEmpty else { return }
        try await onThread(named: "matrix hops") { [situation] in
            for hop in lab.links.compactMap(\.hop) {
                try lab.runNow(["ip", "netns", "exec", hop.name] + shell.command(situation.hop))
            }
        }
    }

    /// Sluice's configuration.
    private func settings(_ lab: Lab) -> String {
        var intercept = lab.sluiceDefaults
        if let interfaces = situation.interfaces {
            let names = interfaces.map { "\"\($0)\"" }.joined(separator: ", ")
            intercept = "[intercept]\ninterfaces = [\(names)]\n"
        }
        return "\(intercept)\(situation.sluice)\n[advanced]\niptables = \"\(kind)\"\n\(situation.advanced)"
    }

    private func converse(_ lab: Lab, _ shell: RouterShell, _ daemon: SluiceDaemon?) async throws -> Observation {
        let servers = [Lab.Node.server(0), .server(1)]
        let nodes = [Lab.Node.client(0)] + servers
        let before = try nodes.map { try lab.counters(in: $0) }
        let pid = daemon?.process.pid
        var taps: [WireTap] = []
        var hosts: [MatrixHost] = []
        for node in nodes { taps.append(try await lab.inside(node) { try WireTap() }) }
        defer {
            hosts.forEach { _ = $0.stop() }
            taps.forEach { _ = $0.stop() }
        }
        var courses: [Course] = []
        for node in servers + (situation.routerPorts.isEmpty ? [] : [.box]) {
            let course = Course(
                situation, lab, family, isClient: false, situation.transport, shell, pid: pid)
            courses.append(course)
            let ports = node == .box ? situation.routerPorts : situation.ports
            hosts.append(try await lab.inside(node) { [situation] in try MatrixHost(situation, ports, course) })
        }
        let client = Course(situation, lab, family, isClient: true, transport, shell, pid: pid)
        let start = ContinuousClock.now
        let outcome = try await lab.inside(.client(0)) { [situation] in
            do {
                try situation.behaviour.client(client)
                return "ok"
            } catch let error as MatrixError {
                return error.description
            }
        }
        let seconds = (ContinuousClock.now - start).inSeconds
        try? await lab.wait(for: "the servers", within: situation.limit + .seconds(1)) { hosts.allSatisfy(\.isIdle) }
        let served = try await onThread(named: "matrix hosts") { [hosts] in hosts.map { $0.stop() } }
        let after = try await onThread(named: "matrix after") { [situation] in
            try Course.output(of: situation.after, lab, shell, pid)
        }
        let counters = try zip(nodes, before).map { try Self.growth(lab.counters(in: $0), since: $1) }
        let sightings = taps.map { $0.stop() }
        var observation = Observation(
            Evidence(
                service: MatrixNetwork.service(family), names: names(lab), client: sightings[0],
                servers: Array(sightings[1...]), clientCounters: counters[0],
                serverCounters: counters[1].merging(counters[2], uniquingKeysWith: +)))
        observation.client = outcome
        observation.seconds = seconds
        observation.connectSeconds = client.connectTimes.map(\.inSeconds)
        observation.established = client.established
        observation.servers = served.joined().map(\.outcome).sorted()
        observation.reached = served.indices.filter { !served[$0].isEmpty }
        observation.notes = courses.reduce(client.notes) { $0.merging($1.notes) { $1 } }
        if !situation.after.isEmpty { observation.notes["after"] = after }
        observation.isDaemonAlive = daemon.map { $0.process.status == nil } ?? true
        observation.log = daemon.map { Self.complaints($0.process.errors) } ?? []
        return observation
    }

    private static func growth(_ now: [String: UInt64], since before: [String: UInt64]) -> [String: UInt64] {
        now.reduce(into: [:]) { $0[$1.key] = $1.value - min($1.value, before[$1.key] ?? 0) }
    }

    private static func complaints(_ log: String) -> [String] {
        log.split(separator: "\n").filter { line in
            ["warning", "error", "critical"].contains { line.lowercased().contains($0) }
        }.map(String.init)
    }

    private func names(_ lab: Lab) -> [IPAddress: String] {
        var names: [IPAddress: String] = [:]
        for link in lab.links(of: .client(0)) { names[link.address(family)] = "client" }
        for (index, node) in [Lab.Node.server(0), .server(1)].enumerated() {
            names[lab.links(of: node)[0].boxAddress(family)] = "box \(index)"
        }
        return names
    }
}
