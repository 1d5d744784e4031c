import Glibc
import Testing

@testable import LinuxSystem

/// A program that is started in a daemon's place: how it has ended is told apart from that it runs.
@Suite struct ProgramStartTests {
    private static func start(_ command: String) throws -> ProgramStart {
        let channel = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(channel) }
        return try ProgramStart("/bin/sh", arguments: ["-c", command], channel: channel)
    }

    @Test(arguments: [("exit 0", "exit code 0"), ("exit 3", "exit code 3"), ("kill -9 $$", "killed by signal 9")])
    func howItHasEnded(_ command: String, _ words: String) throws {
        #expect(try Self.start(command).ended(within: .seconds(60)) == words)
    }

    @Test func oneThatRunsIsEnded() throws {
        let program = try Self.start("exec sleep 600")
        #expect(program.ended(within: .milliseconds(20)) == nil)
        #expect(program.end() == nil)
        #expect(kill(program.pid, 0) == -1 && errno == ESRCH, "it is gone, and has been waited for")
    }
}
