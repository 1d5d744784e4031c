import Admin
import NetfilterQueue
import Recorder
import SessionLog
import Steering
import Throttling

// Metrics of traces, the session log, throttles and queues.

extension MetricsText {
    mutating func add(_ traces: [TraceSum]) {
        family("sluice_traces", .gauge, "Traces that run.") { family in
            for sum in traces { family.add(sum.running, [("kind", sum.kind.rawValue)]) }
        }
        let outcomes: [(String, KeyPath<TraceSum, UInt64>)] = [("written", \.written), ("dropped", \.dropped)]
        family("sluice_trace_records_total", .counter, "Records of packets that traces asked for.") { family in
            for sum in traces {
                for (outcome, count) in outcomes {
                    family.add(sum[keyPath: count], [("kind", sum.kind.rawValue), ("outcome", outcome)])
                }
            }
        }
        addEvents(traces)
    }

    private mutating func addEvents(_ traces: [TraceSum]) {
        let outcomes: [(String, KeyPath<TraceSum, UInt64>)] = [("written", \.events), ("dropped", \.droppedEvents)]
        family("sluice_trace_events_total", .counter, "Steering events of traces.") { family in
            for sum in traces {
                for (outcome, count) in outcomes {
                    family.add(sum[keyPath: count], [("kind", sum.kind.rawValue), ("outcome", outcome)])
                }
            }
        }
    }

    mutating func add(_ sessions: SessionLogReport) {
        family("sluice_session_log_state", .gauge, "1 for the state that the session log is in.") { family in
            for state in SessionLogReport.State.allCases {
                family.add(state == sessions.state ? 1 : 0, [("state", state.rawValue)])
            }
        }
        let outcomes = [
            ("written", sessions.written), ("overflowed", sessions.overflowed), ("failed", sessions.failed),
        ]
        family("sluice_session_log_records_total", .counter, "Starts and ends of sessions, by what has become of them.")
        {
            for (outcome, count) in outcomes { $0.add(count, [("outcome", outcome)]) }
        }
        gauge("sluice_session_log_waiting", "Records that wait to be written.", sessions.waiting)
    }

    mutating func add(_ throttles: [ThrottleStatus]) {
        family("sluice_throttle_subflows", .gauge, "Subflows that the throttle holds.") { family in
            for throttle in throttles { family.add(throttle.subflows, [("throttle", throttle.rule.name)]) }
        }
        family("sluice_throttle_matched_total", .counter, "Subflows that it has held so far.") { family in
            for throttle in throttles { family.add(throttle.matched, [("throttle", throttle.rule.name)]) }
        }
        family("sluice_throttle_refused_total", .counter, "Subflows that it could not hold.") { family in
            for throttle in throttles { family.add(throttle.refused, [("throttle", throttle.rule.name)]) }
        }
        addPlaces(throttles.flatMap { throttle in throttle.sums.map { ThrottledPlace(throttle, $0) } })
    }

    private mutating func addPlaces(_ places: [ThrottledPlace]) {
        family("sluice_throttle_bytes_total", .counter, "Carried by its classes, those that are gone included.") {
            for place in places { $0.add(place.sum.bytes, place.labels) }
        }
        family("sluice_throttle_dropped_packets_total", .counter, "Packets that they dropped.") {
            for place in places { $0.add(place.sum.drops, place.labels) }
        }
        family("sluice_throttle_backlog_bytes", .gauge, "What waits in them.") {
            for place in places { $0.add(place.backlog, place.labels) }
        }
        family("sluice_throttle_limit_bytes_per_second", .gauge, "What all of them together may carry.") {
            for place in places { if let limit = place.limit { $0.add(limit, place.labels) } }
        }
    }

    mutating func add(_ steering: SteeringStatus) {
        let paths = steering.paths
        family("sluice_path_state", .gauge, "1 for the state that the path is in.") { family in
            for path in paths {
                for state in PathState.allCases {
                    family.add(
                        state == path.state ? 1 : 0, [("path", path.path.name), ("state", state.rawValue)])
                }
            }
        }
        family("sluice_path_bytes_per_second", .gauge, "What the path carries.") { family in
            for (path, direction, labels) in paths.directions { family.add(path.figures.total[direction] / 8, labels) }
        }
        family("sluice_path_own_bytes_per_second", .gauge, "Of this, what converted connections carry.") { family in
            for (path, direction, labels) in paths.directions { family.add(path.figures.own[direction] / 8, labels) }
        }
        family("sluice_path_capacity_bytes_per_second", .gauge, "What it can carry, as far as that is known.") {
            family in
            for (path, direction, labels) in paths.directions {
                if let capacity = path.figures.capacity[direction] { family.add(capacity / 8, labels) }
            }
        }
        family("sluice_path_rtt_seconds", .gauge, "The round trip of its active subflows.") { family in
            for path in paths {
                if let time = path.figures.roundTripTime { family.add(time / 1e6, [("path", path.path.name)]) }
            }
        }
        family("sluice_path_loss_ratio", .gauge, "The share of bytes that were sent again.") { family in
            for path in paths { family.add(path.figures.loss, [("path", path.path.name)]) }
        }
        family("sluice_path_subflows", .gauge, "Subflows of converted connections on it.") { family in
            for path in paths { family.add(path.figures.subflows, [("path", path.path.name)]) }
        }
        family("sluice_path_cap_used_bytes", .gauge, "What a path with a cap has carried in this period.") { family in
            for path in paths { if let used = path.used { family.add(used, [("path", path.path.name)]) } }
        }
        family("sluice_path_clients_spent", .gauge, "Clients that have used up their own volume in this period.") {
            family in
            for path in paths { if let all = path.clients { family.add(all.spent, [("path", path.path.name)]) } }
        }
        family("sluice_path_uncounted_bytes_total", .counter, "Of clients for which there was no room any more.") {
            family in
            for path in paths { if let all = path.clients { family.add(all.uncounted, [("path", path.path.name)]) } }
        }
        family("sluice_steer_active", .gauge, "1 if the rule has data take the path.") { family in
            for path in paths {
                for use in path.uses {
                    family.add(
                        use.role.use == .active ? 1 : 0, [("rule", use.rule), ("path", path.path.name)])
                }
            }
        }
        family("sluice_steer_decisions_total", .counter, "Decisions about paths so far.") { family in
            for (rule, count) in steering.counts.sorted(by: { $0.key < $1.key }) { family.add(count, [("rule", rule)]) }
        }
    }

    mutating func add(_ queues: [QueueReport]) {
        family("sluice_queue_waiting", .gauge, "Packets that wait in the NFQUEUE for a verdict.") { family in
            for queue in queues { family.add(queue.waiting, [("queue", "\(queue.number)")]) }
        }
        family("sluice_queue_dropped_total", .counter, "Packets that the kernel could not hand over.") { family in
            for queue in queues {
                family.add(queue.dropped, [("queue", "\(queue.number)"), ("reason", "full")])
                family.add(queue.lost, [("queue", "\(queue.number)"), ("reason", "socket")])
            }
        }
    }
}

extension [PathStatus] {
    fileprivate var directions: [(path: PathStatus, direction: PathDirection, labels: MetricsText.Labels)] {
        flatMap { path in
            PathDirection.allCases.map { (path, $0, [("path", path.path.name), ("direction", $0.rawValue)]) }
        }
    }
}

/// The classes of a throttle on one interface, in one direction.
private struct ThrottledPlace {
    let labels: MetricsText.Labels
    let sum: ThrottleStatus.Sum
    /// Bytes that wait now.
    let backlog: UInt64
    /// nil when each class has a rate of its own, so that together they have none.
    let limit: Double?

    init(_ throttle: ThrottleStatus, _ sum: ThrottleStatus.Sum) {
        labels = [
            ("throttle", throttle.rule.name), ("interface", sum.interface), ("direction", sum.direction.rawValue),
        ]
        self.sum = sum
        let classes = throttle.classes.filter { $0.direction == sum.direction && $0.interface == sum.interface }
        backlog = classes.reduce(0) { $0 + $1.counters.backlog }
        guard case .shape(let rates, .all) = throttle.rule.action else {
            limit = nil
            return
        }
        limit = (sum.direction == .download ? rates.download : rates.upload).map { Double($0) / 8 }
    }
}
