// Lab: a small network in network namespaces, on which the integration tests, the demo, the benchmarks and the
// experiments stand.
//
//     client                    box                       server
//     10.1.0.2  ──── link 1 ──▶ 10.1.0.1  lan0
//     fd00:1::2                 fd00:1::1        wan0 10.9.0.1    ────▶ 10.9.0.2
//     10.2.0.2  ──── link 2 ──▶ 10.2.0.1  lan1        fd00:9::1         fd00:9::2
//     fd00:2::2                 fd00:2::1        wan1 10.9.1.1    ────▶ 10.9.1.2   (a second server)
//
// Link i of client c is network n = 16c + i (c from 0, i from 1): 10.n.0.0/24 and fd00:n::/64, written with the same
// digits. Server j is 10.9.j.0/24 and fd00:9:j::/64. The end has .2, its gateway .1. The client routes by source
// address and has an MPTCP endpoint for each link but the first.
//
// A link with a delay, jitter, loss or an MTU of its own gets a router in its middle, the hop, and all of that happens
// there, so that the box's rules and queueing disciplines stay as the box's owner left them:
//
//     10.1.0.2 ── 10.1.0.1 [hop] 10.1.1.2 ── 10.1.1.1 lan0 [box]
//
// The hop delays packets with NFQUEUE readers of this process (netem is absent from many kernels), loses them with
// xtables' statistic match, and forwards by routes whose locked MTU makes it answer with ICMP too-big while both its
// neighbours believe in 1500 bytes. A rate is a token bucket on both sides of the wire next to the client or server: on
// a link without a hop that is the root queueing discipline of the box's interface; give the link a hop (`mtu: 1500`)
// to keep it free.
//
// Lab knows namespaces, processes, rates and test peers. It must never know how Sluice works inside: it sees the
// program, its control socket's path, the packets and the kernel's counters, as an operator would.
//
// Everything a lab makes has a name that begins with `sluice-PID-N`. `tearDown` removes it: at the end of `with`, when
// its body throws, on SIGINT, SIGTERM and SIGHUP; and the next lab sweeps what a killed process left behind.

import Glibc
import LinuxSystem
import Synchronization

/// A lab that is up. All functions may be called from any thread; those that aren't async block for milliseconds.
public final class Lab: Sendable {
    /// A machine of the lab.
    public enum Node: Hashable, Sendable {
        case client(Int)
        case box
        case server(Int)
        /// A box of a cluster; the lab's box is then the router before them.
        case member(Int)
    }

    public let configuration: LabConfiguration
    /// `sluice-PID-N`: what every namespace's name begins with.
    public let name: String
    /// The lab's own temporary directory; removed with the lab.
    public let directory: String
    /// All links, the clients' first, in the order of the configuration.
    public let links: [Link]

    let state = Mutex(State())

    struct State {
        var isTornDown = false
        var files = 0
        var children: [ChildProcess] = []
        /// Processes that programs of the lab have started in their own place.
        var successors: [pid_t] = []
        var delayLines: [(link: String, line: DelayLine)] = []
        var corruptions: [String: PayloadCorruption] = [:]
        var peers: [PeerServer] = []
    }

    private static let count = Atomic(0)

    private init(_ configuration: LabConfiguration) {
        let number = Self.count.wrappingAdd(1, ordering: .relaxed).newValue
        let name = "sluice-\(getpid())-\(number)"
        self.configuration = configuration
        self.name = name
        directory = Leftovers.directoryPrefix + name
        links = Link.plan(configuration, lab: name)
    }

    /// Builds the lab; with `configuration.sluice`, Sluice runs and is ready when this returns. Whoever calls this
    /// calls `tearDown` too: prefer `with`.
    public static func make(_ configuration: LabConfiguration = LabConfiguration()) async throws -> Lab {
        guard geteuid() == 0 else { throw LabError.notRoot }
        try configuration.validate()
        let lab = Lab(configuration)
        do {
            try await onThread(named: "lab") {
                try Interruption.install()
                LiveLabs.add(lab)
                Leftovers.sweep()
                try lab.assemble()
            }
            if let text = configuration.sluice { try await lab.startSluice(configuration: text) }
            return lab
        } catch {
            await lab.tearDown()
            throw error
        }
    }

    /// Builds a lab, hands it to `body`, and removes it however `body` ends.
    public static func with<Value: Sendable>(
        _ configuration: LabConfiguration = LabConfiguration(),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (Lab) async throws -> Value
    ) async throws -> Value {
        let lab = try await make(configuration)
        do {
            let value = try await body(lab)
            await lab.tearDown()
            return value
        } catch {
            await lab.tearDown()
            throw error
        }
    }

    /// Ends every process in the lab and removes its namespaces and files. A second call does nothing.
    public func tearDown() async {
        try? await onThread(named: "lab") { self.tearDownNow() }
    }

    /// `tearDown` on the calling thread. The lock is held to the end, so that whoever calls second returns to a lab
    /// that is gone.
    func tearDownNow() {
        state.withLock { state in
            guard !state.isTornDown else { return }
            state.isTornDown = true
            state.peers.forEach { $0.stop() }
            state.children.forEach { $0.signal(SIGKILL) }
            state.children.forEach { $0.reap() }
            for pid in state.successors where Successor.runs(pid) {
                kill(pid, SIGKILL)
                for _ in 0..<1000 where Successor.runs(pid) { usleep(1000) }
            }
            state.delayLines.forEach { $0.line.stop() }
            state.corruptions.values.forEach { $0.stop() }
            Leftovers.remove(namespaces: namespaces, directory: directory)
        }
        LiveLabs.remove(self)
    }

    var nodes: [Node] {
        configuration.clients.indices.map(Node.client) + [.box] + configuration.servers.indices.map(Node.server)
            + (0..<configuration.members).map(Node.member)
    }

    /// The names of all namespaces, the hops' included.
    public var namespaces: [String] { nodes.map { namespace($0).name } + links.compactMap(\.hop?.name) }

    /// The namespace of a node, for sockets of your own: `lab.namespace(.box).run { … }`.
    public func namespace(_ node: Node) -> NetworkNamespace { NetworkNamespace("\(name)-\(node)") }
}

extension Lab.Node: CustomStringConvertible {
    /// `client`, `client1`, `box`, `server`, `server1`: the end of the namespace's name.
    public var description: String {
        switch self {
        case .client(let index): index == 0 ? "client" : "client\(index)"
        case .box: "box"
        case .server(let index): index == 0 ? "server" : "server\(index)"
        case .member(let index): "member\(index)"
        }
    }
}
