import Testing

@testable import LinuxSystem

/// Questions about MPTCP that need no connection and no privilege.
@Suite struct MultipathDiagnosticsTests {
    @Test func aProtocolWithoutDiagnosticsIsTold() throws {
        let diagnostics = try SocketDiagnostics()
        #expect(try diagnostics.knowsMultipath())
        // Reserved by IANA (RFC 3692), so that nobody answers for it; `hasConnection` could not tell.
        #expect(try !diagnostics.knows(protocolNumber: 254))
        #expect(try !diagnostics.hasConnection(token: 1))
    }

    @Test func thePathManagerHasLimits() throws {
        let limits = try PathManagerLimits.read()
        #expect((0...8).contains(limits.subflows))
    }
}
