import Glibc

/// The time of day, as the machine's time zone has it.
public enum WallClock {
    /// Nanoseconds since 1970 (CLOCK_REALTIME).
    public static var nanoseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Minutes since midnight.
    public static var minuteOfDay: Int {
        var now = time(nil)
        var local = tm()
        // localtime_r keeps to the zone that it has read once; tzset looks whether /etc/localtime has been replaced.
        tzset()
        localtime_r(&now, &local)
        return Int(local.tm_hour) * 60 + Int(local.tm_min)
    }
}
