// Times as text, in UTC. Nanoseconds since 1970, which may be negative: a capture can say so.

extension TextBuffer {
    /// `22:13:20.123456`, or with nine decimals.
    mutating func append(timeOfDay nanoseconds: Int64, hasNanoseconds: Bool) {
        let (seconds, fraction) = nanoseconds.flooredDivision(by: 1_000_000_000)
        append(second: seconds.flooredDivision(by: 86400).remainder)
        append(fraction: UInt64(fraction), hasNanoseconds: hasNanoseconds)
    }

    /// `2023-11-14 22:13:20`
    mutating func append(date nanoseconds: Int64) {
        let (days, second) = nanoseconds.flooredDivision(by: 1_000_000_000).quotient.flooredDivision(by: 86400)
        append(day: days)
        append(" ")
        append(second: second)
    }

    /// Seconds with a fraction of six digits, or nine.
    mutating func append(seconds nanoseconds: Int64, hasNanoseconds: Bool) {
        let magnitude = nanoseconds.magnitude
        if nanoseconds < 0 { append("-") }
        append(decimal: magnitude / 1_000_000_000)
        append(fraction: magnitude % 1_000_000_000, hasNanoseconds: hasNanoseconds)
    }

    /// With three decimals.
    mutating func append(thousandths value: UInt64) {
        append(decimal: value / 1000)
        append(".")
        append(decimal: value % 1000, digits: 3)
    }

    private mutating func append(second: Int64) {
        append(decimal: second / 3600, digits: 2)
        append(":")
        append(decimal: second / 60 % 60, digits: 2)
        append(":")
        append(decimal: second % 60, digits: 2)
    }

    /// Of the Gregorian calendar, counted from 1970-01-01. Years begin with March here, so that a leap day is a year's
    /// last; 400 of them have 146,097 days.
    private mutating func append(day: Int64) {
        let (era, dayOfEra) = (day + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        append(decimal: era * 400 + yearOfEra + (month >= 10 ? 1 : 0), digits: 4)
        append("-")
        append(decimal: month < 10 ? month + 3 : month - 9, digits: 2)
        append("-")
        append(decimal: dayOfYear - (153 * month + 2) / 5 + 1, digits: 2)
    }

    private mutating func append(fraction nanoseconds: UInt64, hasNanoseconds: Bool) {
        append(".")
        append(decimal: hasNanoseconds ? nanoseconds : nanoseconds / 1000, digits: hasNanoseconds ? 9 : 6)
    }
}

extension Int64 {
    /// The remainder is never negative.
    fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
