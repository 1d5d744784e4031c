import Converter
import Firewall
import Glibc
import HandOver
import LinuxSystem
import Logging
import NetfilterQueue
import SessionLog
import Settings
import SharedTracking
import SystemPackage
import Tracking
import Wire

// How sessions outlive a daemon that has died: its sentinel keeps what the kernel has of it, and the next daemon takes that over
// as it starts (docs/decisions/0023-sessions-outlive-a-crash.md).

extension Middlebox {
    /// By which the sentinel of a dead daemon is found: its network namespace has one device of this name.
    public static func sentinelName(_ settings: Settings) -> String { "sluice-sentinel/\(settings.advanced.tun)" }

    /// Does a sentinel keep sessions for the next daemon with these settings? It takes a moment to close what it doesn't keep.
    public static func isHeld(_ settings: Settings) -> Bool {
        let deadline = MonotonicTime.now + .seconds(1)
        while !KeptSessions.isHeld(sentinelName(settings)) {
            guard NetworkInterface.index(settings.advanced.tun) != nil, MonotonicTime.now < deadline else {
                return false
            }
            usleep(10_000)
        }
        return true
    }

    /// Resets what a sentinel keeps.
    public static func letGo(_ settings: Settings) {
        _ = try? KeptSessions.letGo(sentinelName(settings), until: .now + Self.patienceWithSentinels)
    }

    /// nil: nothing is kept.
    static func keeping(_ settings: Settings, _ conversion: ConverterSetting, _ log: Logger) -> Sentinel.Keeping? {
        let grace = settings.advanced.crashGrace
        guard grace > .zero else { return nil }
        do {
            let register = try SessionRegister(workers: conversion.workers, sessions: conversion.maxConnections)
            return Sentinel.Keeping(register, for: grace, name: sentinelName(settings))
        } catch {
            log.warning("should this process die, its connections will be reset: \(error)")
            return nil
        }
    }

    static func note(_ keeping: Sentinel.Keeping?, _ foundations: [Int32?], _ offer: HandOverOffer) {
        _ = keeping?.register.lay(foundations.compactMap(\.self), offer: offer.encoded)
    }

    /// How long a daemon that starts tries while the sentinel of one before has its device, and is not to be asked yet.
    private static let patienceWithDevice = Duration.seconds(2)
    /// A hundred thousand descriptors take less than a second.
    private static let patienceWithSentinels = Duration.seconds(5)

    /// A daemon whose threads run. It has the sessions of one before that has died, if they are kept and can go on.
    static func start(_ settings: Settings, _ surroundings: Surroundings) throws -> Middlebox {
        let deadline = MonotonicTime.now + patienceWithDevice
        while true {
            let former = kept(settings, surroundings.log)
            do {
                let inherited = former.map { ($0.offer, $0.sessions.foundations) }
                let box = try Middlebox(settings, surroundings, inherited, isAfterCrash: former != nil)
                try box.begin(former?.sessions)
                return box
            } catch let error as SystemError
                where error.errno == .resourceBusy && former == nil && MonotonicTime.now < deadline
            {
                // The daemon before has died just now, or another one runs.
                usleep(20_000)
            }
        }
    }

    /// What a sentinel has kept and these settings can take up; the rest is reset.
    private static func kept(_ settings: Settings, _ log: Logger) -> (sessions: KeptSessions, offer: HandOverOffer)? {
        let name = sentinelName(settings)
        let deadline = MonotonicTime.now + patienceWithSentinels
        _ = ProcessRights.raiseDescriptorLimit()
        do {
            guard settings.advanced.crashGrace > .zero else {
                try KeptSessions.letGo(name, until: deadline)
                return nil
            }
            guard let sessions = try KeptSessions.take(from: name, until: deadline) else { return nil }
            let offer = try HandOverOffer(decoding: sessions.offer, descriptors: sessions.foundations.count)
            let differences = offer.differences(from: settings.fixed(try RuleSetting(settings)))
            guard differences.isEmpty else {
                throw SalvageError.settings(differences)
            }
            return (sessions, offer)
        } catch {
            log.warning("the connections of the daemon before are reset: \(error)")
            _ = try? KeptSessions.letGo(name, until: deadline)
            return nil
        }
    }

    private func begin(_ former: KeptSessions?) throws {
        guard let former else {
            try startThreads()
            keeping?.register.arm()
            return
        }
        let start = MonotonicTime.now
        sessionLog.expect(SessionTarget(initial.sessions))
        let salvage = converter.adopt(former)
        for connection in converter.describeAll() { resume(connection) }
        // From here on another crash leaves them to this daemon's own sentinel. Until the other one has ended nothing may move, since
        // that one's register would no longer be true.
        keeping?.register.arm()
        try former.confirm(until: .now + Self.patienceWithSentinels)
        cluster?.adopted(converter.tokens)
        for queue in dataQueues { queue.member?.begin(unanswered: 0) }
        synInspector.begin(isSubstituted: false)
        try startThreads()
        let milliseconds = MonotonicTime.now.nanoseconds(since: start) / 1_000_000
        let reasons = salvage.reset.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        log.notice(
            """
            the daemon before has died: \(salvage.kept) of its connections go on (\(salvage.underWay) had bytes under way), \(salvage.resets) are reset\
            \(reasons.isEmpty ? "" : " (\(reasons))"); taken up in \(milliseconds) ms
            """)
    }

    private func resume(_ connection: ConnectionDescription) {
        guard let token = connection.token else { return }
        let subflows = connection.subflows.filter(\.kernel.isEstablished).map { subflow in
            // The box's end is the local one.
            Tracker.ResumedSubflow(
                client: subflow.kernel.remote, server: subflow.kernel.local, isBackup: subflow.isBackup)
        }
        watch.resume(connection.tuple, token, subflows)
    }

    private enum SalvageError: Error, CustomStringConvertible {
        case settings([String])

        var description: String {
            switch self {
            case .settings(let keys): "[advanced] \(keys.joined(separator: ", ")) differ from those that it had"
            }
        }
    }
}
