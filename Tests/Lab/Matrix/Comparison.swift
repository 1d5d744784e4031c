/// Something that is not as it should be.
public struct Problem: Hashable, Codable, Sendable, CustomStringConvertible {
    public let aspect: Aspect
    public let description: String
}

/// What is wrong with a situation's three runs. Pure: the same observations give the same answer.
struct Comparison {
    let situation: Situation
    let truth: Observation

    /// Beyond the truth's by no more than this, or by half of it, a run takes equally long. A SYN is sent again after a
    /// second.
    private static let connectAllowance = 0.8
    private static let allowance = 1.8

    /// What is wrong with the situation itself: a truth that fails where it shouldn't would agree with any failure.
    var problemOfTruth: Problem? {
        guard situation.endsWell,
            [truth.client] + truth.servers != Array(repeating: "ok", count: truth.servers.count + 1)
        else { return nil }
        let servers = truth.servers.joined(separator: ", ")
        return Problem(aspect: .client, description: "truth: client: \(truth.client), servers: \(servers)")
    }

    /// A plain client behind the box: the box must make no difference at all.
    func problems(plain: Observation) -> [Problem] {
        var found = differences(plain, except: situation.byChance)
        if plain.converted != 0 { found.append(Problem(aspect: .conversion, description: "plain TCP was converted")) }
        return found.map { Problem(aspect: $0.aspect, description: "plain: \($0.description)") }
    }

    /// An MPTCP client behind the box.
    func problems(mptcp: Observation) -> [Problem] {
        // Also where it isn't converted: the box may have asked the server first.
        let natural: Set<Aspect> = [.port, .hopLimit]
        let excepted = natural.subtracting(situation.alsoEqual).union(situation.differs.keys).union(situation.byChance)
        var found = differences(mptcp, except: excepted)
        switch situation.expected {
        case .converted where mptcp.converted < mptcp.established || mptcp.established == 0:
            let description = "\(mptcp.converted) of \(mptcp.established) connections converted"
            found.append(Problem(aspect: .conversion, description: description))
        case .passes where mptcp.converted > 0:
            found.append(Problem(aspect: .conversion, description: "converted"))
        default: break
        }
        if mptcp.blackholes > 0 {
            found.append(Problem(aspect: .blackhole, description: "the client has switched MPTCP off"))
        }
        return found.map { Problem(aspect: $0.aspect, description: "mptcp: \($0.description)") }
    }

    private func differences(_ run: Observation, except: Set<Aspect>) -> [Problem] {
        var found: [Problem] = []
        func compare<Value: Equatable>(_ aspect: Aspect, _ what: String, _ value: (Observation) -> Value) {
            guard !except.contains(aspect), value(run) != value(truth) else { return }
            let description = "\(what) \(text(value(run))) instead of \(text(value(truth)))"
            found.append(Problem(aspect: aspect, description: description))
        }
        compare(.client, "client:") { $0.client }
        compare(.server, "server:") { $0.servers }
        for subject in Set(truth.notes.keys).union(run.notes.keys).sorted() {
            compare(.notes, "\(subject):") { $0.notes[subject] ?? "-" }
        }
        compare(.uplink, "reached server") { $0.reached }
        compare(.wires, "segments on wire") { $0.wires }
        compare(.source, "source") { $0.sources }
        compare(.portClass, "source port below 1024:") { $0.hasPrivilegedPort }
        compare(.port, "source port is the client's:") { $0.hasClientPort }
        compare(.dscp, "DSCP at the server") { $0.serverDSCP }
        compare(.dscp, "DSCP at the client") { $0.clientDSCP }
        compare(.ecn, "SYN asks for ECN:") { $0.asksForECN }
        compare(.hopLimit, "hop limit at the server") { $0.hopLimits }
        compare(.options, "SYN options at the server") { $0.options }
        compare(.resets, "reset at the server:") { $0.hasReset }
        if !except.contains(.mss) {
            found += higherMSS("server", run.serverMSS, truth.serverMSS)
            found += higherMSS("client", run.clientMSS, truth.clientMSS)
        }
        if !except.contains(.repeatedSYNs), run.repeatedSYNs > truth.repeatedSYNs {
            let description = "\(run.repeatedSYNs) SYNs sent again instead of \(truth.repeatedSYNs)"
            found.append(Problem(aspect: .repeatedSYNs, description: description))
        }
        if !except.contains(.time) { found += delays(run) }
        if !run.isDaemonAlive, situation.differs[.daemon] == nil {
            found.append(Problem(aspect: .daemon, description: "the daemon has ended"))
        }
        return found
    }

    /// A lower one does no harm.
    private func higherMSS(_ place: String, _ run: [UInt16], _ truth: [UInt16]) -> [Problem] {
        guard let highest = run.max(), let bound = truth.max(), highest > bound else { return [] }
        return [Problem(aspect: .mss, description: "MSS at the \(place) \(highest) instead of \(bound)")]
    }

    private func delays(_ run: Observation) -> [Problem] {
        var found: [Problem] = []
        let (connect, bound) = (run.connectSeconds.max() ?? 0, truth.connectSeconds.max() ?? 0)
        if connect > bound + max(Self.connectAllowance, bound / 2) {
            found.append(
                Problem(aspect: .time, description: "connected in \(tenths(connect)) s instead of \(tenths(bound))"))
        }
        if run.seconds > truth.seconds + max(Self.allowance, truth.seconds / 2) {
            found.append(
                Problem(
                    aspect: .time, description: "took \(tenths(run.seconds)) s instead of \(tenths(truth.seconds))"))
        }
        return found
    }

    private func tenths(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }

    private func text<Value>(_ value: Value) -> String {
        switch value {
        case let list as [String]: list.isEmpty ? "none" : list.joined(separator: ", ")
        case let list as [Int]: list.isEmpty ? "none" : list.map(String.init).joined(separator: " and ")
        case let list as [UInt8]: list.map(String.init).joined(separator: " and ")
        case let flag as Bool: flag ? "yes" : "no"
        default: "\(value)"
        }
    }
}
