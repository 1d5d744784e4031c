import ArgumentParser
import Glibc
import Lab

/// Builds a lab and leaves it to the user.
struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Build the lab with Sluice running, and keep it until Ctrl-C.")

    @Option(help: "The client's links, RATE[:DELAY[:LOSS]] each.")
    var links = LinkList.demo
    @Option(help: "Sluice's configuration file; without it, one that names the client-facing interfaces.")
    var config: String?
    @Flag(help: "The router forwards, and nothing more.")
    var withoutSluice = false

    func run() async throws {
        let configuration = LabConfiguration(clients: [.init(links: links.links)])
        try await Lab.with(configuration) { lab in
            _ = try await lab.startNginx()
            let sluice = withoutSluice ? nil : try await startSluice(lab)
            describe(lab, sluice)
            flushOutput()
            // Ctrl-C removes the lab and ends the program.
            try await Task.sleep(for: .seconds(365 * 86_400))
        }
    }

    private func startSluice(_ lab: Lab) async throws -> SluiceDaemon {
        try await lab.startSluice(configuration: try config.map { try readFile($0) })
    }

    private func describe(_ lab: Lab, _ sluice: SluiceDaemon?) {
        print("The lab is up.")
        for link in lab.links {
            let box = "box \(link.name) \(link.boxAddress())"
            print("  \(link.node) \(link.address()) \(link.address(.v6))  ──  \(box)")
        }
        print("\nAn nginx answers in the server on port 80. Try:")
        print("  ip netns exec \(lab.namespace(.client(0)).name) mptcpize run curl http://\(lab.address(.server(0)))/")
        print("  ip netns exec \(lab.namespace(.box).name) iptables-save")
        if let sluice {
            print("  sluice connections --watch --control \(sluice.controlPath)")
            print("  (configuration: \(sluice.configurationPath))")
        }
        print("\nCtrl-C removes it.")
    }
}

extension LinkList {
    /// The paper's wired and wireless access.
    static let demo = LinkList([
        .init(rate: .mbit(90), delay: .milliseconds(1)), .init(rate: .mbit(30), delay: .milliseconds(15)),
    ])
}

/// Standard output is buffered when it is no terminal.
func flushOutput() { fflush(nil) }
