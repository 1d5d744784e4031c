// sluice-lab: the lab as a program. It builds networks, runs Sluice in them as an operator would, and prints what it
// saw; what a lab is and how it is observed is in the library Lab. It must be run as root.

import ArgumentParser

@main
struct SluiceLab: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice-lab", abstract: "A client, a router with Sluice and a server, in network namespaces.",
        subcommands: [
            Demo.self, Up.self, Serve.self, Fetch.self, ThrottleExperiments.self, SteerExperiments.self, Bench.self,
            Paper.self,
            MatrixCommand.self, Soak.self, ClusterCommand.self, ClusterSimulation.self, TakeOverBadly.self,
        ])
}
