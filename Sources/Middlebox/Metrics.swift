import Admin
import Converter
import Handshake
import Inspector
import LinuxSystem
import NetfilterQueue
import SharedTracking
import Tracking

// What Prometheus is told. docs/operation.md has the table of names, which a test holds against this.

extension Middlebox {
    func metricsText() async -> String {
        var metrics = MetricsText()
        addState(&metrics)
        addConnections(&metrics)
        addConversion(&metrics)
        addPackets(&metrics)
        addTracking(&metrics)
        metrics.add(await recorder.sums())
        metrics.add(sessionLog.report)
        metrics.add(cluster)
        metrics.add(await throttler.status())
        metrics.add(await throttler.steering())
        metrics.add(QueueReport.all(of: queueNumbers))
        return metrics.text
    }

    private func addState(_ metrics: inout MetricsText) {
        metrics.family("sluice_info", .gauge, "Always 1; which version runs.") {
            $0.add(1, [("version", Self.version)])
        }
        let state = stateName
        metrics.family("sluice_state", .gauge, "1 for the state that the daemon is in.") { family in
            for name in ["starting", "running", "degraded", "draining"] {
                family.add(name == state ? 1 : 0, [("state", name)])
            }
        }
        metrics.family(
            "sluice_repairs_total", .counter, "What other hands had removed or changed, and was put back."
        ) { family in
            for (part, count) in repairs { family.add(count, [("part", part)]) }
        }
        metrics.gauge(
            "sluice_guarded", "1 if running connections live on while rules are away.", healer.guarded ? 1 : 0)
        metrics.gauge(
            "sluice_uptime_seconds", "Since the daemon's start.",
            MonotonicTime.now.nanoseconds(since: started) / 1_000_000_000)
    }

    private func addConnections(_ metrics: inout MetricsText) {
        let stream = converter.counters
        metrics.gauge("sluice_connections_open", "Converted connections.", stream.open.load(ordering: .relaxed))
        metrics.gauge(
            "sluice_connections_pending", "Of these, those whose client has yet to complete its handshake.",
            converter.pendingCount)
        metrics.counter(
            "sluice_connections_accepted_total", "Clients whose handshake was completed.",
            stream.accepted.load(ordering: .relaxed))
        metrics.family("sluice_connections_cut_total", .counter, "Connections that did not end in order.") { family in
            let reasons = [
                ("reset", stream.resets.load(ordering: .relaxed)),
                ("idle", stream.idleTimeouts.load(ordering: .relaxed)),
                ("operator", stream.closedByOperator.load(ordering: .relaxed)),
                ("fault", stream.relayFaults.load(ordering: .relaxed)),
                ("crash", stream.lost.load(ordering: .relaxed)),
                ("client_never_came", stream.clientTimeouts.load(ordering: .relaxed)),
            ]
            for (reason, count) in reasons { family.add(count, [("reason", reason)]) }
        }
        metrics.counter(
            "sluice_connections_salvaged_total", "Connections of a daemon that died, taken up at the start.",
            stream.salvaged.load(ordering: .relaxed))
        metrics.family("sluice_relayed_bytes_total", .counter, "Payload that was passed on.") { family in
            family.add(stream.bytesToClient.load(ordering: .relaxed), [("to", "client")])
            family.add(stream.bytesToServer.load(ordering: .relaxed), [("to", "server")])
        }
        metrics.counter("sluice_dials_total", "Connections to servers.", stream.dials.load(ordering: .relaxed))
        metrics.counter(
            "sluice_dial_failures_total", "Of these, those that failed.", stream.dialFailures.load(ordering: .relaxed))
        metrics.gauge("sluice_listeners", "Redirect listeners, one for each port.", converter.listenerCount)
    }

    private func addConversion(_ metrics: inout MetricsText) {
        let stream = converter.counters
        metrics.add(
            "sluice_syn_conversion_seconds",
            "From a held SYN until the SYN to the server has been sent.", [(stream.synConversion, [])])
        metrics.add(
            "sluice_data_conversion_seconds",
            "From data's coming in until they have been handed to the other side; of a sample.",
            [(stream.dataToClient, [("to", "client")]), (stream.dataToServer, [("to", "server")])])
    }

    private func addPackets(_ metrics: inout MetricsText) {
        metrics.family("sluice_syn_decisions_total", .counter, "Decisions about SYNs with an MPTCP option.") { family in
            for decision in Decision.allCases {
                family.add(
                    counters[decision],
                    [("verdict", "\(decision.verdict.name)"), ("reason", "\(decision.reason)")])
            }
        }
        metrics.gauge("sluice_syns_held", "SYNs that wait for a dial.", counters.held.load(ordering: .relaxed))
        let counts = [
            (
                "sluice_data_packets_total", "Segments that the data queues handed over.",
                counters.dataPackets.load(ordering: .relaxed)
            ),
            (
                "sluice_data_packet_bytes_total", "Their bytes, IP headers included.",
                counters.dataBytes.load(ordering: .relaxed)
            ),
            (
                "sluice_data_reads_total", "How often a data queue's thread came to it and found any of them.",
                counters.dataReads.load(ordering: .relaxed)
            ),
            (
                "sluice_unreadable_packets_total", "Data packets that are no whole TCP segment.",
                counters.unreadablePackets.load(ordering: .relaxed)
            ),
            (
                "sluice_injection_failures_total", "SYNs that could not be put into the TUN device.",
                counters.injectionFailures.load(ordering: .relaxed)
            ),
            (
                "sluice_refused_verdicts_total", "Verdicts for packets that were gone.",
                counters.refusedVerdicts.load(ordering: .relaxed)
            ),
        ]
        for (name, help, count) in counts { metrics.counter(name, help, count) }
    }

    private func addTracking(_ metrics: inout MetricsText) {
        let tracked = watch.counters
        metrics.gauge("sluice_tracked_connections", "MPTCP connections that are followed.", watch.count)
        metrics.counter(
            "sluice_tracked_connections_established_total", "MPTCP connections seen to be established.",
            tracked.established)
        metrics.counter("sluice_joins_total", "Subflows seen to join.", tracked.joins)
        metrics.counter("sluice_fallbacks_total", "Connections seen to fall back to TCP.", tracked.fallbacks)
        metrics.counter("sluice_fast_closes_total", "Connections ended by MP_FASTCLOSE.", tracked.fastCloses)
        metrics.counter(
            "sluice_evicted_connections_total", "Connections that lost their place to others.",
            tracked.evictedEmbryonic + tracked.evictedLive)
        metrics.family("sluice_anomalies_total", .counter, "What ought not to be, as it was seen.") { family in
            for anomaly in Anomaly.allCases { family.add(tracked[anomaly], [("kind", anomaly.rawValue)]) }
        }
        metrics.counter(
            "sluice_kernel_disagreements_total", "Connections of which the segments and the kernel told otherwise.",
            agreement.disagreements.load(ordering: .relaxed))
    }
}

extension MetricsText {
    mutating func add(_ name: String, _ help: String, _ histograms: [(LatencyHistogram, Labels)]) {
        family(name, .histogram, help) { family in
            for (histogram, labels) in histograms {
                let snapshot = histogram.snapshot
                family.add(
                    buckets: snapshot.cumulative, count: snapshot.count, nanoseconds: snapshot.nanoseconds, labels)
            }
        }
    }
}
