import ArgumentParser
import Lab

/// What stands between client and server.
enum Contender: String, CaseIterable, ExpressibleByArgument, Codable {
    /// Nothing but routing: TCP from end to end over one link, what the client has without a converter.
    case forwarding
    case sluice
    /// With `inspect = "signalling"`: the kernel moves the bulk past the queues.
    case sluiceSignalling = "sluice-signalling"
    /// HAProxy under mptcpize behind TPROXY.
    case haproxy
    case haproxySplice = "haproxy-splice"

    /// What the client speaks.
    var transport: PeerProtocol { self == .forwarding ? .tcp : .mptcp }

    /// Starts it in the box of a lab that has this router's rules; the program that carries bytes, if there is one.
    func start(in lab: Lab, _ router: Router, _ options: BenchOptions) async throws -> Relay? {
        switch self {
        case .forwarding: nil
        case .sluice: try await start(in: lab, options.settings())
        case .sluiceSignalling: try await start(in: lab, options.settings(intercept: "inspect = \"signalling\""))
        case .haproxy, .haproxySplice:
            Relay(
                process: try await lab.startHAProxy(
                    ports: [LoadServer.echoPort, LoadServer.bulkPort], threads: options.cores,
                    splice: self == .haproxySplice, opensInput: router == .stateful
                ).process)
        }
    }

    private func start(in lab: Lab, _ settings: String) async throws -> Relay {
        let sluice = try await lab.startSluice(configuration: lab.sluiceDefaults + settings)
        return Relay(process: sluice.process, sluice: sluice)
    }
}
