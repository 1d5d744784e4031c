import LinuxSystem
import Logging
import Synchronization
import Testing
import Wire

@testable import Inspector

/// While another daemon still reads the queue, this one doesn't begin to.
@Suite struct AcknowledgementInspectorTests {
    private struct NoQueue: Error {}

    @Test func whatIsTakenOverWaitsForTheOtherDaemon() {
        let attempts = Mutex(0)
        let inspector = AcknowledgementInspector(log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { _ in
            attempts.withLock { $0 += 1 }
            throw NoQueue()
        }
        let tuple = FourTuple(client: Endpoint("10.1.0.2:40000")!, server: Endpoint("10.9.0.2:80")!)
        inspector.adopt([tuple])
        inspector.trace(true)
        #expect(attempts.withLock(\.self) == 0)
        inspector.trace(false)
        inspector.resume()
        #expect(attempts.withLock(\.self) == 1, "the client that was taken over is heeded")
    }
}
