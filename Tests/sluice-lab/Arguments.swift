import ArgumentParser
import Lab
import Wire

extension BitRate: ExpressibleByArgument {}
extension Endpoint: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
extension IPAddress: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
extension PeerProtocol: ExpressibleByArgument {}

/// `RATE[:DELAY[:LOSS]]` for each link, separated by commas: `90mbit:1ms,30mbit:15ms:1%`.
struct LinkList: ExpressibleByArgument {
    let links: [LabConfiguration.Link]

    init(_ links: [LabConfiguration.Link]) { self.links = links }

    init?(argument: String) {
        var links: [LabConfiguration.Link] = []
        for part in argument.split(separator: ",") {
            guard let link = Self.link(part.split(separator: ":", omittingEmptySubsequences: false)) else { return nil }
            links.append(link)
        }
        guard !links.isEmpty else { return nil }
        self.links = links
    }

    private static func link(_ fields: [Substring]) -> LabConfiguration.Link? {
        guard fields.count <= 3, let rate = BitRate(String(fields[0])) else { return nil }
        var link = LabConfiguration.Link(rate: rate)
        if fields.count > 1 {
            guard let delay = Duration(argument: String(fields[1])) else { return nil }
            link.delay = delay
        }
        if fields.count > 2 {
            guard fields[2].hasSuffix("%"), let percent = Double(fields[2].dropLast()) else { return nil }
            link.loss = percent / 100
        }
        return link
    }

    var defaultValueDescription: String { links.map { "\($0.rate!):\($0.delay.text)" }.joined(separator: ",") }
}

extension Duration {
    /// `15ms`, `500us` or `2s`.
    init?(argument: String) {
        let units: [(String, Double)] = [("ms", 1e-3), ("us", 1e-6), ("s", 1)]
        guard let (unit, factor) = units.first(where: { argument.hasSuffix($0.0) }),
            let value = Double(argument.dropLast(unit.count)), value >= 0
        else { return nil }
        self = .seconds(value * factor)
    }

    /// The same, for options; the error names the form.
    static func parse(_ argument: String) throws -> Duration {
        guard let duration = Duration(argument: argument) else {
            throw ValidationError("a time is a number with its unit, e.g. 3s, 500ms or 20us")
        }
        return duration
    }

    /// As it is written on the command line: `2s`, `500ms`.
    var shortText: String {
        let milliseconds = Int((inSeconds * 1000).rounded())
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }

    var text: String { "\(decimal(inSeconds * 1000, places: inSeconds < 0.01 ? 1 : 0))ms" }
}

extension Option<Duration> {
    /// A time, which says how it is written when it can't be read.
    init(wrappedValue: Duration, help: String) {
        self.init(
            wrappedValue: wrappedValue, help: "\(help) (default: \(wrappedValue.shortText))", transform: Duration.parse)
    }
}

/// A number of bytes: `100MB` (decimal), `64KiB` (binary) or plain.
struct ByteCount: ExpressibleByArgument {
    let bytes: UInt64

    init(_ bytes: UInt64) { self.bytes = bytes }

    init?(argument: String) {
        let units: [(String, UInt64)] = [
            ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("TB", 1_000_000_000_000), ("GB", 1_000_000_000),
            ("MB", 1_000_000), ("kB", 1_000), ("B", 1), ("", 1),
        ]
        let (unit, factor) = units.first { argument.hasSuffix($0.0) }!
        guard let value = UInt64(argument.dropLast(unit.count)) else { return nil }
        bytes = value * factor
    }

    var defaultValueDescription: String { bytes % 1_000_000 == 0 ? "\(bytes / 1_000_000)MB" : "\(bytes)" }
}

/// `value` with a fixed number of decimal places.
func decimal(_ value: Double, places: Int) -> String {
    let scale = (0..<places).reduce(1) { result, _ in result * 10 }
    let scaled = Int((value * Double(scale)).rounded())
    guard places > 0 else { return String(scaled) }
    let fraction = String(abs(scaled) % scale)
    return (scaled < 0 ? "-" : "") + "\(abs(scaled) / scale)." + String(repeating: "0", count: places - fraction.count)
        + fraction
}
