import Foundation
import Lab
import LinuxSystem
import Testing

@Suite struct ServiceManagerTests {
    private func manager(_ environment: [String: String]) -> ServiceManager? {
        ServiceManager(environment: { environment[$0] }, process: 7)
    }

    @Test(arguments: [[:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "/"], ["NOTIFY_SOCKET": "vsock:2:1"]])
    func nobodyListens(_ environment: [String: String]) { #expect(manager(environment) == nil) }

    @Test func aPathThatIsTooLongIsNone() {
        #expect(manager(["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 106)]) != nil)
        #expect(manager(["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 107)]) == nil)
    }

    private static let watchdogs: [([String: String], Duration?)] = [
        ([:], nil), (["WATCHDOG_USEC": "30000000"], .seconds(30)), (["WATCHDOG_USEC": "0"], nil),
        (["WATCHDOG_USEC": "soon"], nil), (["WATCHDOG_USEC": "500", "WATCHDOG_PID": "7"], .microseconds(500)),
        (["WATCHDOG_USEC": "500", "WATCHDOG_PID": "8"], nil),
    ]

    @Test(arguments: watchdogs)
    func theWatchdogIsThisProcesss(_ variables: [String: String], _ expected: Duration?) {
        let manager = manager(variables.merging(["NOTIFY_SOCKET": "/run/x"]) { $1 })
        #expect(manager != nil)
        #expect(manager?.watchdog == expected)
    }

    @Test(arguments: [false, true])
    func whatIsToldArrives(_ isAbstract: Bool) throws {
        let name = "sluice-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let path = isAbstract ? "@\(name)" : "\(NSTemporaryDirectory())\(name)"
        let socket = try NotifySocket(path)
        defer { if !isAbstract { unlink(path) } }
        let manager = try #require(self.manager(["NOTIFY_SOCKET": path]))
        try manager.tell([.reloading(MonotonicTime(nanoseconds: 1_234_567)), .status("two\nlines")])
        try manager.tell([.ready])
        try manager.tell([.stopping, .extendTimeout(.milliseconds(90_500))])
        try manager.tell([.alive])
        #expect(
            socket.take() == [
                "RELOADING=1\nMONOTONIC_USEC=1234\nSTATUS=two lines", "READY=1",
                "STOPPING=1\nEXTEND_TIMEOUT_USEC=90500000", "WATCHDOG=1",
            ])
    }

    @Test func aManagerThatIsGoneIsAnError() throws {
        let manager = try #require(self.manager(["NOTIFY_SOCKET": "/nowhere/at/all"]))
        #expect { try manager.tell([.ready]) } throws: { error in
            "\(error)" == "tell the service manager: No such file or directory"
        }
    }
}
