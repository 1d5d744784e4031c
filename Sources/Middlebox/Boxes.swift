import Admin
import Cluster
import Firewall
import HandOver
import Handshake
import Inspector
import LinuxSystem
import Logging
import Settings
import Wire

// Several boxes as one: the settings as the module Cluster takes them, and what is told of it.

extension ClusterSetting {
    /// nil: there is no cluster.
    init?(_ all: Settings) {
        let settings = all.cluster
        guard let id = settings.id, let redis = settings.redis else { return nil }
        self.init(
            id: id,
            redis: RedisAddress(
                server: redis.server, user: redis.user, password: redis.password, database: redis.database),
            peers: all.peers.map(\.id), tokenLifetime: settings.tokenLifetime, lookupTimeout: settings.lookupTimeout)
    }
}

/// The way to the other boxes of the cluster, as the packet path takes it.
final class PeerLink: PeerPath {
    let interface: String
    let askingTime: UInt64
    private let cluster: Cluster
    private let routes: PeerRoutes

    init(_ cluster: Cluster, _ interface: String, _ routes: PeerRoutes) {
        self.interface = interface
        self.cluster = cluster
        self.routes = routes
        // The cluster's thread has its own deadline: this one is for when that hangs.
        askingTime = UInt64((cluster.setting.lookupTimeout + .milliseconds(30)) / .nanoseconds(1))
    }

    func ask(_ question: JoinQuestion) { cluster.ask(question.id, question.token, at: question.server) }

    func lead(_ tuple: FourTuple, from interface: UInt32, by device: UInt32, to peer: Int) -> SystemError? {
        do throws(SystemError) {
            try routes.lead(tuple, from: interface, by: device, to: peer)
            return nil
        } catch {
            return error
        }
    }
}

extension Settings {
    /// As the kernel takes them.
    var routedPeers: [PeerRoutes.Peer] {
        guard let slices else { return [] }
        return peers.map { PeerRoutes.Peer($0, slices) }
    }

    /// By which other boxes of a cluster are reached; nil: there are none.
    var peerInterface: String? { cluster.id == nil || peers.isEmpty ? nil : cluster.interface }
}

extension PeerRoutes.Peer {
    init(_ peer: Settings.Peer, _ slices: PortSlices) {
        self.init(
            ipv4: peer.addresses.first { $0.isIPv4 }, ipv6: peer.addresses.first { !$0.isIPv4 }, ports: slices[peer.id])
    }
}

extension Middlebox {
    /// Makes the ways to other boxes as the settings and the other boxes' life want them.
    func refreshPeerRoutes() {
        guard let peerRoutes else { return }
        do throws(SystemError) {
            try peerRoutes.refresh()
        } catch {
            log.error("joins can't be led to other boxes as the file has them: \(error)")
        }
    }
}

extension PeerRoutes.Contents {
    func write(to writer: inout RecordWriter) {
        writer.write(link) { $0.write($1) }
        writer.write(all: peers) { writer, peer in
            for address in [peer.ipv4, peer.ipv6] { writer.write(address) { $0.write($1) } }
            writer.write(peer.ports) { writer, ports in
                writer.write(ports.lowerBound)
                writer.write(ports.upperBound)
            }
        }
        writer.write(all: entrances.sorted()) { $0.write($1) }
        writer.write(all: clients.sorted()) { $0.write($1) }
        writer.write(all: gone.sorted()) { $0.write(UInt32($1)) }
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        let link = try reader.optional { (reader) throws(RecordError) in try reader.number(UInt32.self) }
        let peers = try reader.all { (reader) throws(RecordError) in
            let ipv4 = try reader.optional { (reader) throws(RecordError) in try reader.address() }
            let ipv6 = try reader.optional { (reader) throws(RecordError) in try reader.address() }
            let ports = try reader.optional { (reader) throws(RecordError) in
                (try reader.number(UInt16.self), try reader.number(UInt16.self))
            }
            guard let ports else { return PeerRoutes.Peer(ipv4: ipv4, ipv6: ipv6) }
            guard ports.0 <= ports.1 else { throw .value("ports") }
            return PeerRoutes.Peer(ipv4: ipv4, ipv6: ipv6, ports: ports.0...ports.1)
        }
        let entrances = try reader.all { (reader) throws(RecordError) in try reader.number(UInt32.self) }
        let clients = try reader.all { (reader) throws(RecordError) in try reader.text() }
        let gone = try reader.all { (reader) throws(RecordError) in Int(try reader.number(UInt32.self)) }
        self.init(
            link: link, peers: peers, entrances: Set(entrances), clients: Set(clients), gone: Set(gone))
    }
}

struct UnusableCluster: Error, CustomStringConvertible {
    let error: SystemError

    var description: String {
        """
        [[peer]]: this kernel can't lead subflows to other boxes (\(error)): it takes nf_tables with its netdev family and \
        forwarding there: modprobe nft_fwd_netdev
        """
    }
}

extension JoinOwner {
    init(_ location: TokenLocation) {
        self =
            switch location {
            case .peer(let number): .peer(number)
            case .nobody: .nobody
            case .unknown: .unknown
            }
    }
}

extension StatusReport.Cluster {
    init(_ report: ClusterReport, _ lookup: StatusReport.Latency) {
        self.init(
            id: report.id, directory: report.directory, error: report.error, usedTwice: report.isUsedTwice,
            tokens: report.tokens, told: report.told, lost: report.lost, collisions: report.collisions,
            peers: report.peers.map { .init(id: $0.id, alive: $0.isAlive) },
            lookups: Dictionary(
                uniqueKeysWithValues: LookupOutcome.allCases.map { ($0.rawValue, report.lookups[$0] ?? 0) }),
            lookup: lookup)
    }
}

extension MetricsText {
    /// `cluster`: nil without a cluster: then there are no such metrics.
    mutating func add(_ cluster: Cluster?) {
        guard let cluster else { return }
        let report = cluster.report
        gauge(
            "sluice_cluster_directory_up", "1 if the cluster's directory can be used.", report.error == nil ? 1 : 0)
        gauge(
            "sluice_cluster_id_used_twice", "1 if another box says that it has the same id.", report.isUsedTwice ? 1 : 0
        )
        gauge("sluice_cluster_tokens", "Connections of this box that the directory is told of.", report.tokens)
        counter(
            "sluice_cluster_told_total", "Tokens told to the directory, renewals and ends included.", report.told)
        counter(
            "sluice_cluster_lost_total", "Tokens and ends that it was told of late or not at all.", report.lost)
        counter("sluice_cluster_collisions_total", "Tokens that another box had at the same server.", report.collisions)
        family("sluice_cluster_peer_alive", .gauge, "1 if the directory has the peer's sign of life.") { family in
            for peer in report.peers { family.add(peer.isAlive ? 1 : 0, [("peer", peer.id)]) }
        }
        family("sluice_cluster_lookups_total", .counter, "Joins that were asked about, by what came of it.") { family in
            for outcome in LookupOutcome.allCases {
                family.add(report.lookups[outcome] ?? 0, [("outcome", outcome.rawValue)])
            }
        }
        add(
            "sluice_cluster_lookup_seconds", "From a question to the directory until its answer.",
            [(cluster.lookupTimes, [])])
    }
}
