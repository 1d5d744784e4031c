import Glibc

/// Points of time as text (RFC 3339), in nanoseconds since 1970.
public enum LogTime {
    /// `2026-11-30T07:00:00.123456Z`: UTC, to the microsecond.
    public static func text(_ nanoseconds: Int64) -> String {
        var bytes: [UInt8] = []
        append(nanoseconds, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    static func append(_ nanoseconds: Int64, to bytes: inout [UInt8]) {
        let (seconds, rest) = (max(nanoseconds, 0) / 1_000_000_000, max(nanoseconds, 0) % 1_000_000_000)
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func digits(_ value: Int, _ count: Int) {
            var divisor = (1..<count).reduce(1) { result, _ in result * 10 }
            while divisor > 0 {
                bytes.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
                divisor /= 10
            }
        }
        digits(Int(parts.tm_year) + 1900, 4)
        for (sign, value) in [("-", parts.tm_mon + 1), ("-", parts.tm_mday), ("T", parts.tm_hour)] {
            bytes += sign.utf8
            digits(Int(value), 2)
        }
        for value in [parts.tm_min, parts.tm_sec] {
            bytes.append(UInt8(ascii: ":"))
            digits(Int(value), 2)
        }
        bytes.append(UInt8(ascii: "."))
        digits(Int(rest / 1000), 6)
        bytes.append(UInt8(ascii: "Z"))
    }

    /// Reads `2026-11-30T07:00:00Z`, with a fraction or another offset (`+01:00`), a blank in place of the T; or seconds since
    /// 1970. nil for anything else: a time without an offset could be meant in any zone.
    public static func parse(_ text: String) -> Int64? {
        let fraction = { (digits: Substring?) in Int64((digits.map(String.init) ?? "").prefix(9).padded(to: 9)) ?? 0 }
        if let match = text.wholeMatch(of: /(\d{1,10})(?:\.(\d+))?/) {
            return Int64(match.1).map { $0 * 1_000_000_000 + fraction(match.2) }
        }
        let form = /(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)/
        guard let match = text.wholeMatch(of: form), let year = Int32(match.1), let month = Int32(match.2),
            let day = Int32(match.3), let hour = Int32(match.4), let minute = Int32(match.5),
            let second = Int32(match.6), let offset = offset(match.8), (1...12).contains(month), hour < 24,
            minute < 60, second <= 60
        else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, month - 1, day)
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (hour, minute, second)
        let seconds = timegm(&parts)
        // The 31st of a shorter month is another day to timegm(3).
        guard parts.tm_mday == day || second == 60 else { return nil }
        return (Int64(seconds) - offset) * 1_000_000_000 + fraction(match.7)
    }

    /// Seconds that the zone is ahead of UTC.
    private static func offset(_ text: Substring) -> Int64? {
        guard text.count == 6 else { return 0 }
        guard let hours = Int64(text.dropFirst().prefix(2)), let minutes = Int64(text.suffix(2)), hours < 24,
            minutes < 60
        else { return nil }
        return (hours * 60 + minutes) * (text.hasPrefix("-") ? -60 : 60)
    }
}

extension StringProtocol {
    fileprivate func padded(to count: Int) -> String { self + String(repeating: "0", count: count - self.count) }
}
