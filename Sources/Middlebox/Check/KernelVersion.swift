/// The number of a Linux release.
struct KernelVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    let major: Int
    let minor: Int
    let patch: Int

    init(_ major: Int, _ minor: Int, _ patch: Int = 0) {
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    /// - Parameter release: as `uname -r` prints it: `6.12.9-amd64`. nil when it doesn't begin with two numbers.
    init?(release: String) {
        let numbers = release.split(separator: ".", maxSplits: 3).prefix(3).map { Int($0.prefix { $0.isNumber }) }
        guard numbers.count >= 2, let major = numbers[0], let minor = numbers[1] else { return nil }
        self.init(major, minor, numbers.count > 2 ? numbers[2] ?? 0 : 0)
    }

    static func < (one: KernelVersion, other: KernelVersion) -> Bool {
        (one.major, one.minor, one.patch) < (other.major, other.minor, other.patch)
    }

    /// `6.18.46`, `7.2`
    var description: String { "\(major).\(minor)" + (patch > 0 ? ".\(patch)" : "") }
}
