import Glibc
import LinuxSystem
import Testing

@Suite struct WallClockTests {
    /// As when /etc/localtime is replaced, which a test can't do to the machine: the C library looks at both alike.
    @Test("the time of day follows a changed time zone")
    func followsTheZone() {
        let before = getenv("TZ").map { String(cString: $0) }
        defer {
            if let before { setenv("TZ", before, 1) } else { unsetenv("TZ") }
            tzset()
        }
        setenv("TZ", "HERE0", 1)
        let here = WallClock.minuteOfDay
        setenv("TZ", "THERE-5:30", 1)
        // A minute may have gone by.
        #expect([330, 331].contains((WallClock.minuteOfDay - here + 1440) % 1440))
    }
}
