import Admin
import ArgumentParser
import Foundation

struct Close: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reset running converted connections, on both sides.",
        discussion: """
            Those of which everything holds that is given. New ones are converted as before; what is to be kept away \
            is the firewall's part. Connections that go end to end don't pass through Sluice's hands.
            """)

    @Option(help: "The client: ADDRESS, ADDRESS:PORT, [ADDRESS]:PORT or a prefix, as `sluice connections` lists it.")
    var client: String?
    @Option(help: "The server, likewise.")
    var server: String?
    @Option(help: "The connection's token, such as 0x31b268da.")
    var token: String?
    @OptionGroup var output: JSONOption
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func validate() throws {
        if client == nil, server == nil, token == nil {
            throw ValidationError("say which connections: give --client, --server or --token")
        }
    }

    func run() async throws {
        let daemon = control.client(parent.control)
        let order = CloseOrder(client: client, server: server, token: token)
        let body = try await asking { () throws(ControlError) in try await daemon.close(order) }
        if output.json {
            FileHandle.standardOutput.write(body)
        } else {
            let report: CloseReport = try await asking { () throws(ControlError) in try daemon.decoded(body) }
            print(report.closed == 1 ? "1 connection closed" : "\(report.closed) connections closed")
        }
    }
}
