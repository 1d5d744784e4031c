import Glibc

/// The time of day, as the machine's time zone has it.
public enum WallClock {
    /// Minutes since midnight.
    public static var minuteOfDay: Int {
        var now = time(nil)
        var local = tm()
        localtime_r(&now, &local)
        return Int(local.tm_hour) * 60 + Int(local.tm_min)
    }
}
