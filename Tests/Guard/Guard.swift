// sluice-guard: that the packet path and the relay path allocate nothing, and what they cost in instructions.
//
//     sluice-guard                    counts calls of the allocator for each load; exits with 1 if one has too many
//     sluice-guard --list             the loads' names
//     sluice-guard --trap LOAD        ends by SIGILL in the first such call: gdb -batch -ex run -ex bt --args …
//     sluice-guard --run LOAD COUNT   does one load so often, for Scripts/instructions
//
// It knows the modules by their public interfaces alone, as the daemon does, and drives those that work with the kernel
// through it: packets made up here go through queues and threads of the real kind, streams through a real worker, all in
// a network namespace of its own. It is a program and not a test target because only a release build counts: without
// optimization an option set written as a list is an array, and there is an allocation for each packet that the daemon
// doesn't have. Its malloc is that of CAllocationCount.

import Glibc
import LinuxSystem

@main
enum Guard {
    static func main() {
        do {
            switch CommandLine.arguments.count {
            case 1: exit(try AllocationCheck().run(Load.all) ? 0 : 1)
            case 2 where CommandLine.arguments[1] == "--list": for load in Load.all { print(load.name) }
            case 3 where CommandLine.arguments[1] == "--trap":
                _ = try AllocationCheck().measure(load(CommandLine.arguments[2]), isTrapped: true)
            case 4 where CommandLine.arguments[1] == "--run":
                try run(CommandLine.arguments[2], CommandLine.arguments[3])
            default:
                complain("sluice-guard [--list | --trap LOAD | --run LOAD COUNT]")
                exit(64)
            }
        } catch {
            complain("sluice-guard: \(error)")
            exit(70)
        }
    }

    private static func load(_ name: String) throws -> Load {
        guard let load = Load.all.first(where: { $0.name == name }) else {
            throw GuardError("there is no load \(name); sluice-guard --list")
        }
        return load
    }

    private static func run(_ name: String, _ count: String) throws {
        guard let count = Int(count), count > 0 else { throw GuardError("\(count) is no number of operations") }
        try load(name).withWork { work in try work.run(count) }
    }

    private static func complain(_ text: String) {
        let line = text + "\n"
        _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    }
}

struct GuardError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
