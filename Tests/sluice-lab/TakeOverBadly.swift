import ArgumentParser
import Glibc
import HandOver
import LinuxSystem

/// A program that is to take a daemon's place and doesn't, for tests: it does as it should up to a stage, and then nothing, or
/// ends.
struct TakeOverBadly: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "take-over-badly", abstract: "For tests of sluice upgrade.", shouldDisplay: false)

    enum Stage: String, ExpressibleByArgument, CaseIterable {
        case start, hello, prepared, record
        /// Says that it is ready, and hears nothing any more: it can't be told of the commit.
        case ready
        /// Says that it reads records of another version.
        case version
        /// Says what doesn't belong there.
        case nonsense
    }

    @Argument var stage: Stage
    @Flag(help: "Ends, instead of doing nothing.") var ends = false
    /// What the daemon gives to a program of its own.
    @Argument(parsing: .captureForPassthrough) var others: [String] = []

    func run() throws {
        let channel = DescriptorChannel(owning: Descriptor(owning: ProgramStart.channel))
        try speak(channel)
        if !ends { sleep(60) }
    }

    private func speak(_ channel: borrowing DescriptorChannel) throws {
        guard stage != .start else { return }
        if stage == .nonsense { return try say(.begun, channel) }
        try say(.hello(stage == .version ? HandOverRecord.version + 1 : HandOverRecord.version), channel)
        guard stage != .hello, stage != .version, try channel.receive(until: deadline) != nil else { return }
        try say(.prepared, channel)
        guard stage != .prepared else { return }
        while let message = try channel.receive(until: deadline) {
            if case .record(_, isLast: true) = try HandOverMessage(decoding: message.bytes) { break }
        }
        guard stage == .ready else { return }
        shutdown(channel.rawValue, Int32(SHUT_RD))
        try say(.ready, channel)
    }

    private var deadline: MonotonicTime { .now + .seconds(30) }

    private func say(_ message: HandOverMessage, _ channel: borrowing DescriptorChannel) throws {
        try message.encoded.withUnsafeBytes { try channel.send($0, until: deadline) }
    }
}
