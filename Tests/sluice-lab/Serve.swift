import ArgumentParser
import Lab
import Wire

/// The test server as a program, to be run inside a namespace.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "A test server: does what each connection's first 16 bytes ask for. Ends with Ctrl-C.")

    @Option(parsing: .upToNextOption, help: "Where to listen, e.g. 0.0.0.0:5000 '[::]:5000'.")
    var listen: [Endpoint]
    @Option(name: .customLong("protocol"), help: "What to speak: tcp or mptcp.")
    var transport = PeerProtocol.tcp

    func run() async throws {
        let server = try PeerServer(listeningOn: listen, transport)
        defer { server.stop() }
        print("listening on \(listen.map(\.description).joined(separator: ", "))")
        flushOutput()
        try await Task.sleep(for: .seconds(365 * 86_400))
    }
}
