import Settings
import TrafficControl

extension MachineFacts {
    /// Of the interfaces that only rules name; `interfaceFindings` has the others.
    func throttleFindings(_ settings: Settings) -> [Finding] {
        let known = Set(settings.intercept.interfaces)
        let names = settings.throttles.flatMap(\.interfaces).filter { !known.contains($0) }
        let paths = settings.paths.compactMap { path -> Finding? in
            guard let interface = path.interface, interfaces[interface] == nil else { return nil }
            return .warning(
                .throttles, "[[path]] \(path.name): there is no \(interface), so that the path is down",
                mend: "`ip -br link` lists those that there are")
        }
        return paths
            + names.unique.compactMap { name in
                let rules = settings.ruleNames({ $0.interfaces.contains(name) }, { _ in false })
                guard interfaces[name] != nil else {
                    return .warning(
                        .throttles, "\(rules): there is no \(name), for which the daemon waits",
                        mend: "`ip -br link` lists those that there are")
                }
                if settings.intercept.inspect == .all { return nil }
                return .note(
                    .throttles,
                    "\(rules): \(name) is not in [intercept] interfaces: connections that begin there aren't converted, so "
                        + "that by it only joins come in")
            }
    }

    func shapingFindings(_ settings: Settings) -> [Finding] {
        trialFindings + obstacleFindings(settings)
    }

    private var trialFindings: [Finding] {
        guard capabilities.contains(.netAdmin) else { return [] }
        if let error = throttling.shapingError {
            return [
                .error(
                    .trafficControl, "[[throttle]] can't shape; in a network namespace of its own, \(error.problem)",
                    mend: error.mend)
            ]
        }
        guard let untried = throttling.untried else { return [] }
        let reason =
            capabilities.contains(.sysAdmin) ? "\(untried)" : "that takes CAP_SYS_ADMIN, for a network namespace"
        return [
            .warning(
                .trafficControl, "shaping could not be tried out: \(reason)", mend: "run this check as root")
        ]
    }

    /// One a problem: the IFB device is the same for all interfaces.
    private func obstacleFindings(_ settings: Settings) -> [Finding] {
        let places = settings.throttles.flatMap(\.places) + settings.steers.flatMap { $0.places(settings.paths) }
        return places.compactMap { throttling.obstacles[$0] }.unique.map { error in
            let rules = settings.ruleNames(
                { $0.places.contains { throttling.obstacles[$0] == error } },
                { $0.places(settings.paths).contains { throttling.obstacles[$0] == error } })
            return .error(.trafficControl, "\(rules): \(error.problem)", mend: error.mend)
        }
    }

    func steeringFindings(_ settings: Settings) -> [Finding] {
        // Without MPTCP there is neither; `multipathFindings` says so.
        guard multipathEnabled != nil else { return [] }
        let rules = settings.ruleNames({ $0.action == .backup }, { _ in true })
        guard throttling.pathManager != nil else {
            return [
                .error(
                    .throttles,
                    "\(rules): Linux \(release) has no path managers in user space (no sysctl "
                        + "net.mptcp.pm_type), by which clients are asked for backup",
                    mend: "run Linux 6.5 or newer, or use action = \"shape\"")
            ]
        }
        if let error = throttling.steeringError {
            guard !isMereConsequence(error.errno) else { return [] }
            return [
                .error(
                    .throttles, "\(rules): the kernel can't be told to ask clients for backup: \(error)",
                    mend:
                        "let this process open generic netlink sockets and join mptcp_pm_events: run as root; see the "
                        + "unit's RestrictAddressFamilies=")
            ]
        }
        guard throttling.pathManager == "1", !throttling.holdsPathManager else { return [] }
        return [
            .note(
                .throttles,
                "\(rules): net.mptcp.pm_type is 1 already, as for another path manager (mptcpd?), and is left so, also "
                    + "when Sluice ends")
        ]
    }
}

extension Settings {
    /// `[[throttle]] relieve-wired, evenings; [[steer]] overflow`: those of the file for which it holds.
    fileprivate func ruleNames(_ isMeant: (Throttle) -> Bool, _ isMeantToSteer: (Steer) -> Bool) -> String {
        let names = [
            ("[[throttle]]", throttles.filter(isMeant).map(\.name)),
            ("[[steer]]", steers.filter(isMeantToSteer).map(\.name)),
        ]
        return names.filter { !$0.1.isEmpty }.map { "\($0.0) \($0.1.joined(separator: ", "))" }.joined(separator: "; ")
    }
}

extension Sequence where Element: Hashable {
    /// In the order of their first.
    fileprivate var unique: [Element] {
        var known: Set<Element> = []
        return filter { known.insert($0).inserted }
    }
}
