import Glibc

/// The time of day, as the machine's time zone has it.
public enum WallClock {
    /// Nanoseconds since 1970 (CLOCK_REALTIME).
    public static var nanoseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// A day of the calendar.
    public struct Date: Hashable, Sendable {
        public var year: Int
        /// 1-12.
        public var month: Int
        /// 1-31.
        public var day: Int
        /// Days since 1 January 1970.
        public var number: Int
    }

    public static var today: Date {
        var local = localTime
        // What the clock on the wall shows, taken for UTC.
        let number = timegm(&local) / 86400
        return Date(
            year: Int(local.tm_year) + 1900, month: Int(local.tm_mon) + 1, day: Int(local.tm_mday), number: number)
    }

    /// Minutes since midnight.
    public static var minuteOfDay: Int {
        let local = localTime
        return Int(local.tm_hour) * 60 + Int(local.tm_min)
    }

    private static var localTime: tm {
        var now = time(nil)
        var local = tm()
        // localtime_r keeps to the zone that it has read once; tzset looks whether /etc/localtime has been replaced.
        tzset()
        localtime_r(&now, &local)
        return local
    }
}
