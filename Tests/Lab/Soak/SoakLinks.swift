import Glibc
import LinuxSystem
import Synchronization

/// The links of a soak's client, whose rates, delays and losses change while they carry transfers, and which go down and
/// come back.
///
/// Delay and loss happen in the links' hops, rates on both sides of the wire next to the client, as in any lab; but in
/// PREROUTING, so that FORWARD is left to `Lab.interfere` and what is queued there comes by afterwards.
final class SoakLinks: Sendable {
    private let lab: Lab
    let client: Int
    private let lines = Mutex<[DelayLine]>([])
    private let changes = Atomic<UInt16>(0)
    /// One outage at a time.
    private let down = Mutex<Int?>(nil)

    /// The first numbers of queues belong to the lab.
    private static let firstQueue: UInt16 = 100

    init(_ lab: Lab, client: Int) {
        self.lab = lab
        self.client = client
    }

    private var links: [Lab.Link] { lab.links(of: .client(client)) }

    /// What the client needs to live through a lost link: a way out by the other, and a kernel that doesn't turn away from
    /// MPTCP for an hour because SYNs were lost.
    func prepare() throws {
        for link in links { try addRoutes(link) }
        try? lab.setSysctl(in: .client(client), "net/mptcp/blackhole_timeout", "0")
    }

    // MARK: - Shapes

    /// Makes the links as a phase wants them. What waits in a delay line meanwhile is lost.
    func apply(_ shapes: [SoakPhase.Shape]) throws {
        let number = changes.wrappingAdd(1, ordering: .relaxed).newValue
        var made: [DelayLine] = []
        do {
            for (index, (link, shape)) in zip(links, shapes).enumerated() {
                let first = Self.firstQueue + number % 2 * 100 + UInt16(index) * 2
                made += try apply(shape, to: link, queues: first)
            }
        } catch {
            made.forEach { $0.stop() }
            throw error
        }
        replaceLines(by: made)
    }

    func stop() { replaceLines(by: []) }

    private func replaceLines(by new: [DelayLine]) {
        let old = lines.withLock { lines in
            defer { lines = new }
            return lines
        }
        old.forEach { $0.stop() }
    }

    private func apply(_ shape: SoakPhase.Shape, to link: Lab.Link, queues first: UInt16) throws -> [DelayLine] {
        guard let hop = link.hop else { throw LabError.configuration("link \(link.name) has no hop") }
        let rate = shape.rate.bitsPerSecond
        // As the lab's own (Interior.rates): a burst that holds a GSO packet, a queue that holds 100 ms.
        let burst = max(96 << 10, rate / 8 / 500)
        let limit = max(256 << 10, rate / 8 / 10) + burst
        for (namespace, interface) in [(lab.namespace(link.node), link.nodeInterface), (hop, "near")] {
            try lab.runNow(
                ["tc", "-n", namespace.name, "qdisc", "replace", "dev", interface, "root", "tbf"]
                    + ["rate", "\(rate)bit", "burst", "\(burst)b", "limit", "\(limit)b"])
        }
        var rules = ["*mangle", "-F PREROUTING"]
        var lines: [DelayLine] = []
        for (offset, interface) in ["near", "far"].enumerated() {
            if shape.loss > 0 {
                rules.append(
                    "-A PREROUTING -i \(interface) -m statistic --mode random --probability \(shape.loss) -j DROP")
            }
            let queue = first + UInt16(offset)
            rules.append("-A PREROUTING -i \(interface) -j NFQUEUE --queue-num \(queue) --queue-bypass")
            lines.append(try DelayLine(queue: queue, in: hop, delay: shape.delay, jitter: shape.jitter))
        }
        let file = try lab.scratchFile("rules")
        defer { unlink(file) }
        try writeFile(file, (rules + ["COMMIT", ""]).joined(separator: "\n"))
        for command in ["iptables-restore", "ip6tables-restore"] {
            try lab.runNow(["ip", "netns", "exec", hop.name, command, "--noflush", file])
        }
        return lines
    }

    // MARK: - Outages

    /// Takes the client's interface down for so long, and gives it back what the kernel took with it. A task that is
    /// cancelled meanwhile gives it back at once.
    func fail(_ index: Int, for duration: Duration) async throws {
        let link = links[index]
        guard
            down.withLock({ down in
                guard down == nil else { return false }
                down = index
                return true
            })
        else { return }
        defer { down.withLock { $0 = nil } }
        let set = { [lab] (state: String) throws in
            _ = try lab.runNow(["ip", "-n", lab.namespace(link.node).name, "link", "set", link.nodeInterface, state])
        }
        try set("down")
        try? await Task.sleep(for: duration)
        try set("up")
        try addRoutes(link)
    }

    /// The address (IPv6's goes with the interface), the routes of the lab, and in the main table one for each link, so
    /// that there is a default route as long as there is a link.
    private func addRoutes(_ link: Lab.Link) throws {
        let namespace = lab.namespace(link.node).name
        for family in IPFamily.allCases {
            let way = "default via \(link.gateway(family)) dev \(link.nodeInterface)"
            let address = "\(link.address(family))/\(Lab.Network.length(family)) dev \(link.nodeInterface)"
            let file = try lab.scratchFile("routes")
            defer { unlink(file) }
            let metric = link.index == 0 && family == .v4 ? "" : " metric \(1024 + link.index)"
            let lines = [
                "addr replace \(address)\(family == .v6 ? " nodad" : "")", "route replace \(way)\(metric)",
                "route replace \(way) table \(link.index + 1)",
            ]
            try writeFile(file, lines.joined(separator: "\n") + "\n")
            try lab.runNow(["ip", "-n", namespace, family == .v4 ? "-4" : "-6", "-batch", file])
        }
    }
}
