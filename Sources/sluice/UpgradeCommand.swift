import Admin
import ArgumentParser
import Foundation

struct Upgrade: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put another program in the running daemon's place, without losing a connection.",
        discussion: """
            The new one is started as the running one was, checks its configuration file, and takes over all that the running \
            one has. 0 once it is at work. If anything goes wrong before that, the running one goes on as before, and the exit \
            code is 1.
            """)

    @Option(help: "The program; by default the file that the running daemon was started from.")
    var program: String?
    @OptionGroup var control: ControlOption
    @ParentCommand var parent: Sluice

    func run() async throws {
        let daemon = control.client(parent.control)
        // The daemon may have another working directory.
        print(try await Self.put(program.map { URL(fileURLWithPath: $0).path }, in: daemon))
    }

    /// What there is to say once the program is in the place of the daemon's.
    static func put(_ program: String?, in daemon: ControlClient) async throws -> String {
        let order = UpgradeOrder(program: program)
        let report = try await asking { () throws(ControlError) in try await daemon.upgrade(order) }
        return
            "process \(report.pid) has taken over; all stood still for \(duration(microseconds: report.standstillUs))"
    }
}
