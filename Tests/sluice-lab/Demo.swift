import ArgumentParser
import Lab
import Wire

/// The main job: an ordinary client, an ordinary server, Sluice between them.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetch a file with MPTCP from a plain TCP server through Sluice, and show which link carried what.")

    @Option(help: "The file's size.")
    var size = ByteCount(100_000_000)
    @Option(help: "The client's links, RATE[:DELAY[:LOSS]] each.")
    var links = LinkList.demo
    @Flag(help: "IPv6 instead of IPv4.")
    var ipv6 = false
    @Flag(help: "The client sends the file instead of fetching it.")
    var upload = false

    func run() async throws {
        let links = links.links.enumerated().map { index, link in
            var link = link
            link.name = link.name ?? "lan\(index)"
            return link
        }
        let isFaithful = try await Lab.with(LabConfiguration(clients: [.init(links: links)])) { lab in
            step("A lab: client, box and server in the namespaces \(lab.name)-…")
            let transfer = try await DemoTransfer(lab, size: size.bytes, family: ipv6 ? .v6 : .v4, isUpload: upload)
            step("nginx in the server, plain TCP, with a file of \(size.bytes) random bytes")

            let best = lab.links(of: .client(0)).max { ($0.configuration.rate!) < ($1.configuration.rate!) }!
            step("Without Sluice: curl with plain TCP over \(best.name) alone (\(best.configuration.rate!))")
            let single = try await transfer.run(over: best)

            step("Sluice starts in the box")
            let sluice = try await lab.startSluice()
            step("With Sluice: mptcpize run curl")
            async let view = connections(sluice)
            let multipath = try await transfer.run()
            print(await view)
            print(DemoReport(lab, single: single, multipath: multipath, family: ipv6 ? .v6 : .v4).text)
            try await sluice.stop()
            return single.isIdentical && multipath.isIdentical
        }
        if !isFaithful { throw ExitCode.failure }
    }

    /// What `sluice connections` shows a second into the transfer.
    private func connections(_ sluice: SluiceDaemon) async -> String {
        try? await Task.sleep(for: .seconds(1))
        return (try? await sluice.command("connections").output) ?? ""
    }

    private func step(_ text: String) {
        print("• \(text)")
        flushOutput()
    }
}
