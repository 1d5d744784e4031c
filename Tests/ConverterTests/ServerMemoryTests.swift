import Policy
import Testing
import Wire

@testable import Converter

/// What is remembered of which servers, and of which of their clients.
@Suite struct ServerMemoryTests {
    private let memory = ServerMemory(capacity: 100, lifetime: .seconds(600), dialTimeout: .milliseconds(900))

    private func tuple(_ client: String, _ server: String = "10.9.0.2:80") -> FourTuple {
        FourTuple(client: Endpoint(client)!, server: Endpoint(server)!)
    }

    private func timeout(_ tuple: FourTuple) -> Duration? {
        if case .dial(let plan) = memory.advice(for: tuple) { plan.timeout } else { nil }
    }

    @Test func silenceIsOneClients() {
        memory.learnSilence(tuple("10.1.0.2:1000"))
        #expect(memory.advice(for: tuple("10.1.0.2:2000")) == .silent)
        #expect(timeout(tuple("10.1.0.3:2000")) == .milliseconds(900))
        #expect(timeout(tuple("10.1.0.2:2000", "10.9.0.2:81")) == .milliseconds(900))
    }

    /// The answer that came too late: from then on the client waits for it.
    @Test func aLateAnswerEndsTheSilence() {
        memory.learnSilence(tuple("10.1.0.2:1000"))
        memory.learnAnswer(tuple("10.1.0.2:1000"), after: 1_200_000_000)
        #expect(timeout(tuple("10.1.0.2:2000")) == .milliseconds(2050))
        #expect(timeout(tuple("10.1.0.3:2000")) == .milliseconds(2050), "it is as slow for others")
    }

    @Test func whoSpeaksMultipathIsNotSilent() {
        memory.learnSilence(tuple("10.1.0.2:1000"))
        memory.learn(.speaksMultipath, of: Endpoint("10.9.0.2:80")!)
        #expect(memory.advice(for: tuple("10.1.0.2:2000")) == .speaksMultipath)
    }
}
