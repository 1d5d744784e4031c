import Foundation
import LinuxSystem
import Testing

@Suite struct TrackingTableTests {
    /// It says what the kernel's own files say.
    @Test func saysHowFullTheTableIs() throws {
        let path = "/proc/sys/net/netfilter/nf_conntrack_"
        guard let maximum = try? String(contentsOfFile: path + "max", encoding: .utf8) else {
            return #expect(TrackingTable().fill() == nil, "nothing is tracked")
        }
        let fill = try #require(TrackingTable().fill())
        #expect("\(fill.maximum)\n" == maximum)
        #expect(fill.count >= 0)
    }
}
