import Glibc
import LinuxSystem
import Synchronization
import Testing
import Wire

@Suite struct ThreadTests {
    /// Every message posted by several threads is taken once, in each thread's order, and none is slept over.
    @Test func aMailboxLosesNothing() throws {
        let mailbox = try Mailbox<(sender: Int, number: Int)>()
        let threads = try (0..<4).map { sender in
            try SystemThread(named: "sender \(sender)") { for number in 0..<2000 { mailbox.post((sender, number)) } }
        }
        let loop = try EventLoop(capacity: 1)
        try loop.add(mailbox.descriptor, .readable, tag: 7)
        var next = [0, 0, 0, 0]
        while next.reduce(0, +) < 8000 {
            var events = 0
            loop.wait(timeout: 5000) { tag, _ in
                #expect(tag == 7)
                events += 1
            }
            guard events > 0 else {
                Issue.record("no wake-up with \(8000 - next.reduce(0, +)) messages to come")
                break
            }
            for (sender, number) in mailbox.take() {
                #expect(next[sender] == number)
                next[sender] = number + 1
            }
        }
        threads.forEach { $0.join() }
    }

    @Test func aThreadReturnsItsResultOrError() throws {
        #expect(try SystemThread.run(named: "sum") { 1 + 1 } == 2)
        #expect(throws: SystemError.self) {
            try SystemThread.run(named: "error") { throw SystemError("test", .ioError) }
        }
    }

    @Test func deadlinesAreRoundedUp() {
        let now = MonotonicTime(nanoseconds: 1_000_000_000)
        #expect((now + .milliseconds(5)).milliseconds(from: now) == 5)
        #expect((now + .microseconds(1)).milliseconds(from: now) == 1)
        #expect(now.milliseconds(from: now + .seconds(1)) == 0)
        #expect((now + .seconds(2)).nanoseconds(since: now) == 2_000_000_000)
        #expect(now.nanoseconds(since: now + .seconds(2)) == 0)
    }

    @Test func theLoopbackRouteLeadsToLoopback() throws {
        let routes = try RouteLookup()
        for address in ["127.0.0.1", "::1"] {
            let index = routes.interface(to: try #require(IPAddress(address)))
            #expect(index.flatMap(NetworkInterface.name) == "lo")
        }
        #expect(NetworkInterface.index("lo") == 1)
        #expect(NetworkInterface.index("no such device") == nil)
    }

    @Test func sysctlsAreReadAsTheyAreWritten() throws {
        #expect(try Sysctl.read("kernel.ostype") == "Linux")
        #expect(throws: SystemError.self) { try Sysctl.read("no.such.sysctl") }
    }
}
