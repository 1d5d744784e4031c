import Glibc
import Lab
import LinuxSystem
import Testing

// Root is needed, and said so by LabError.notRoot. Each test draws only what differs from the picture in Lab.swift.

/// Everything of a lab that another program could see.
private func traces(of name: String) -> [String] {
    var found = directoryEntries("/run/netns").filter { $0.hasPrefix(name + "-") }
    found += directoryEntries("/tmp").filter { $0 == name }
    for pid in directoryEntries("/proc").filter({ pid_t($0) != nil }) {
        let command = (try? readFile("/proc/\(pid)/cmdline")) ?? ""
        if command.split(whereSeparator: { "/\0 ".contains($0) }).contains(where: {
            $0 == name || $0.hasPrefix(name + "-")
        }) {
            found.append("process \(pid): \(command)")
        }
    }
    return found
}

@Suite(.serialized) struct LifecycleTests {
    @Test func aLabComesUpAndGoesWithoutATrace() async throws {
        let name = try await Lab.with(LabConfiguration(clients: [.init(links: [.init(delay: .milliseconds(1))])])) {
            lab in
            #expect(directoryEntries("/run/netns").filter { $0.hasPrefix(lab.name + "-") }.count == 4)
            _ = try lab.spawn(in: .box, ["sleep", "1000"])
            _ = try lab.spawn(in: .server(0), ["sh", "-c", "setsid sleep 1000 & sleep 1000"])
            try await lab.serve()
            #expect(!traces(of: lab.name).isEmpty)
            return lab.name
        }
        #expect(traces(of: name) == [])
    }

    @Test func aLabGoesWhenTheBodyThrows() async throws {
        struct Stop: Error { let name: String }
        let stop = await #expect(throws: Stop.self) {
            try await Lab.with { lab in
                _ = try lab.spawn(in: .client(0), ["sleep", "1000"])
                throw Stop(name: lab.name)
            }
        }
        #expect(traces(of: try #require(stop).name) == [])
    }

    @Test func twoLabsDoNotCollide() async throws {
        try await Lab.with { first in
            try await Lab.with { second in
                #expect(first.name != second.name)
                _ = try await second.ping(from: .client(0), to: second.address(.server(0)))
            }
            _ = try await first.ping(from: .client(0), to: first.address(.server(0)))
        }
    }

    @Test func aFailedConfigurationNamesItsFault() async throws {
        let error = await #expect(throws: LabError.self) {
            _ = try await Lab.make(LabConfiguration(clients: [.init(links: [.init(loss: 2)])]))
        }
        #expect("\(try #require(error))".contains("loss 2.0"))
    }

    /// `sluice-lab up`, when its lab stands. It runs outside of any lab: namespaces made under `ip netns exec` would
    /// be mounted where nobody else sees them.
    private func up(in lab: Lab) async throws -> ChildProcess {
        let up = try ChildProcess(
            [try Lab.programBeside("sluice-lab"), "up", "--without-sluice"],
            file: "\(lab.directory)/up-\(UInt32.random(in: 0...UInt32.max))")
        do {
            try await lab.wait(for: "the other program's lab", within: .seconds(20)) { up.output.contains("Ctrl-C") }
        } catch {
            up.signal(SIGTERM)
            throw error
        }
        return up
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func anInterruptedProgramTakesItsLabWithIt(_ signal: Int32) async throws {
        try await Lab.with { lab in
            let up = try await up(in: lab)
            let name = "sluice-\(up.pid)-1"
            #expect(!traces(of: name).isEmpty)
            up.signal(signal)
            #expect(try await up.wait(within: .seconds(20)) == .signalled(signal))
            #expect(traces(of: name) == [])
        }
    }

    @Test func theNextLabSweepsWhatAKilledProgramLeft() async throws {
        try await Lab.with { lab in
            let up = try await up(in: lab)
            let name = "sluice-\(up.pid)-1"
            #expect(!traces(of: name).isEmpty)
            up.signal(SIGKILL)
            try await up.wait()
            try await Lab.with { _ in #expect(traces(of: name) == []) }
        }
    }
}
