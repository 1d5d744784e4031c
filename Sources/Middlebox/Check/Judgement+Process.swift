import Converter
import SessionLog
import Settings

extension MachineFacts {
    func capabilityFindings(_ settings: Settings) -> [Finding] {
        var findings: [Finding] = []
        if !capabilities.contains(.netAdmin) {
            findings.append(missing("CAP_NET_ADMIN", "no queue, rule or TUN device can be had"))
        }
        if capabilities.contains(.netAdmin), lacksRawSocket {
            findings.append(missing("CAP_NET_RAW", "iptables-legacy can't be used"))
        }
        if !capabilities.contains(.netBindService), settings.intercept.ports.contains(where: { $0.lowerBound < 1024 }) {
            findings.append(missing("CAP_NET_BIND_SERVICE", "connections to ports below 1024 can't be converted"))
        }
        return findings
    }

    private func missing(_ name: String, _ consequence: String) -> Finding {
        .error(
            .capabilities, "\(name) is missing: \(consequence)",
            mend: "run as root, or with AmbientCapabilities=\(name) in the unit")
    }

    func congestionControlFindings(_ settings: Settings) -> [Finding] {
        guard let congestionControlError, let name = settings.relay.congestionControl else { return [] }
        return [
            .error(
                .congestionControl,
                "[relay] congestion_control = \"\(name)\" can't be set: \(congestionControlError)",
                mend: "modprobe tcp_\(name), or name one of: \(congestionControls)")
        ]
    }

    func descriptorFindings(_ settings: Settings) -> [Finding] {
        let room = ConverterSetting.room(descriptorLimit: descriptorLimit)
        let wanted = settings.advanced.maxConnections
        guard room < wanted ?? Self.fewConnections else { return [] }
        let setting = wanted.map { ", [advanced] max_connections = \($0) notwithstanding" } ?? ""
        return [
            .warning(
                .descriptors,
                "the limit of \(descriptorLimit) open descriptors allows \(room) connections at a time\(setting)",
                mend: "raise it: ulimit -Hn, or LimitNOFILE= in the unit")
        ]
    }

    /// A session of two subflows takes three places in the kernel's table: one for each, and one for the upstream.
    func conntrackRoomFindings(_ settings: Settings) -> [Finding] {
        let wanted = settings.advanced.maxConnections
        let needed = 3 * min(wanted ?? Self.fewConnections, ConverterSetting.room(descriptorLimit: descriptorLimit))
        guard let conntrackLimit, conntrackLimit > 0, conntrackLimit < needed else { return [] }
        let setting = wanted.map { ", [advanced] max_connections = \($0) notwithstanding" } ?? ""
        return [
            .warning(
                .conntrack,
                "net.netfilter.nf_conntrack_max = \(conntrackLimit) allows \(conntrackLimit / 3) connections of two "
                    + "subflows at a time\(setting); when the table is nearly full, new ones aren't converted",
                mend: "sysctl -w net.netfilter.nf_conntrack_max=\(needed)")
        ]
    }

    /// A handful of browsers open as many.
    private static let fewConnections = 1000

    func controlFindings(_ settings: Settings) -> [Finding] {
        let path = settings.admin.control
        if let daemonVersion {
            return [
                .note(
                    .control,
                    "sluice \(daemonVersion) is running and answers on \(path); its queues and TUN device are in use by it"
                )
            ]
        }
        guard let controlFolderError else { return [] }
        return [
            .error(
                .control, "the control socket \(path) can't be made in \(controlFolderError)",
                mend: "run as root, set RuntimeDirectory=sluice in the unit, or set [admin] control to another path")
        ]
    }

    var httpFindings: [Finding] {
        (httpError.map { [.error(.http, $0.problem, mend: $0.mend)] } ?? [])
            + (httpTokenError.map { [.error(.http, $0.problem, mend: $0.mend)] } ?? [])
    }

    func traceFindings(_ settings: Settings) -> [Finding] {
        guard let traceFolderError, let file = settings.trace.file else { return [] }
        return [
            .warning(
                .trace, "[trace] file \(file) can't be made in \(traceFolderError), so that no trace is written",
                mend: "make the folder, or name another")
        ]
    }

    func sessionFindings(_ settings: Settings) -> [Finding] {
        guard let sessionLogError, let target = SessionTarget(settings.sessions) else { return [] }
        return [
            .warning(
                .sessions, "[sessions] log: sessions can't be logged to \(target.description): \(sessionLogError)",
                mend: target.mend)
        ]
    }
}
