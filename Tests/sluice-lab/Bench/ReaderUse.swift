import Foundation
import Lab

/// What the threads that read queues have used, and what for.
struct ReaderUse {
    var packets: UInt64 = 0
    /// Time on a processor, in the kernel or not.
    var nanoseconds: UInt64 = 0
    /// How often a thread has slept until something came.
    var wakeups: UInt64 = 0

    static func + (left: Self, right: Self) -> Self {
        Self(
            packets: left.packets + right.packets, nanoseconds: left.nanoseconds + right.nanoseconds,
            wakeups: left.wakeups + right.wakeups)
    }

    static func - (left: Self, right: Self) -> Self {
        Self(
            packets: left.packets - right.packets, nanoseconds: left.nanoseconds - right.nanoseconds,
            wakeups: left.wakeups - right.wakeups)
    }

    var nanosecondsPerPacket: Double { Double(nanoseconds) / Double(max(1, packets)) }
    var packetsPerWakeup: Double { Double(packets) / Double(max(1, wakeups)) }
}

extension ReaderUse {
    /// Of a daemon since its start: its threads for data, and the packets that they have let go.
    init(_ sluice: SluiceDaemon) async throws {
        struct Status: Decodable {
            struct Packets: Decodable { let data: UInt64 }
            let packets: Packets
        }
        let answer = try await sluice.command("status", "--json").output
        packets = try JSONDecoder().decode(Status.self, from: Data(answer.utf8)).packets.data
        for thread in try Self.threads(of: sluice) {
            let times = try readFile("/proc/\(thread)/schedstat").split(separator: " ")
            nanoseconds += times.first.flatMap { UInt64($0) } ?? 0
            let lines = try readFile("/proc/\(thread)/status").split(separator: "\n")
            let sleeps = lines.first { $0.hasPrefix("voluntary_ctxt_switches:") }?.split(separator: "\t").last
            wakeups += sleeps.flatMap { UInt64($0) } ?? 0
        }
    }

    /// The numbers of a daemon's threads for data.
    static func threads(of sluice: SluiceDaemon) throws -> [pid_t] {
        try directoryEntries("/proc/\(sluice.process.pid)/task").filter {
            try readFile("/proc/\($0)/comm").hasPrefix("path ")
        }.compactMap { pid_t($0) }
    }
}
