/// What a figure of a benchmark is a number of.
enum BenchUnit: String, Encodable {
    case gigabits = "Gbit/s"
    case longestPause = "ms longest pause"
    case machineTimePerGigabyte = "CPU s/GB, machine"
    case timePerGigabyte = "CPU s/GB, process"
    case switchesPerGigabyte = "context switches/GB, process"
    case packetsPerWakeup = "packets/wake-up"
    case besidesFirstLink = "% not on link 1"
    case perSecond = "connections/s"
    case timePerConnection = "CPU us, process"
    case switchesPerConnection = "context switches, process"
    case joinsPerConnection = "joins a connection"
    case median = "us p50"
    case p99 = "us p99"
    case p999 = "us p99.9"
    case memoryPerConnection = "KiB a connection"
    case memoryKept = "KiB kept after their end"
    case memoryMore = "KiB more, the second time"
    case memoryBefore = "KiB resident before"
    case socketMemory = "pages of TCP memory"

    /// Is more of it better? nil: it is there to be known.
    var moreIsBetter: Bool? {
        switch self {
        case .gigabits, .perSecond: true
        case .joinsPerConnection, .packetsPerWakeup, .besidesFirstLink, .memoryBefore, .socketMemory: nil
        default: false
        }
    }
}
