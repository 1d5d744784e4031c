import Testing

@testable import Firewall

/// The programs as the kernel runs them are tried by `QueueSpreadTests`; here is what iptables is told.
struct PortProgramTests {
    @Test func beginsWithItsLengthAndTellsPlaceAndCount() {
        #expect(
            PortProgram.bytecode(.ipv4, .destination, 2, of: 3)
                == "7,177 0 0 0,72 0 0 2,116 0 0 1,148 0 0 3,21 0 1 2,6 0 0 65535,6 0 0 0")
        #expect(
            PortProgram.bytecode(.ipv6, .source, 1, of: 16)
                == "6,40 0 0 40,116 0 0 1,148 0 0 16,21 0 1 1,6 0 0 65535,6 0 0 0")
    }
}
