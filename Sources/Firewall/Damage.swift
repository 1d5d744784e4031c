/// Something that Sluice has put into the kernel and that other hands have removed or changed.
public struct Damage: Hashable, Sendable, CustomStringConvertible {
    public enum Part: Hashable, Sendable {
        /// Rules of a table of iptables.
        case table(AddressFamily, String)
        case routingRules(AddressFamily)
        case routes(AddressFamily)
        /// The TUN device is gone.
        case device
        case deviceDown
        case sysctl(String)
    }

    /// What it counts as.
    public enum Kind: String, CaseIterable, Sendable {
        case rules
        case routingRules = "routing rules"
        case routes
        case device
        case sysctls
    }

    public let part: Part
    /// What was found, e.g. `3 rules of Sluice's were gone`.
    public let finding: String
    /// All is there, and others have put something before or behind it: most is as it should be.
    public let isOrderOnly: Bool

    public init(_ part: Part, _ finding: String, isOrderOnly: Bool = false) {
        self.part = part
        self.finding = finding
        self.isOrderOnly = isOrderOnly
    }

    public var kind: Kind {
        switch part {
        case .table: .rules
        case .routingRules: .routingRules
        case .routes: .routes
        case .device, .deviceDown: .device
        case .sysctl: .sysctls
        }
    }

    /// `iptables mangle: 3 rules of Sluice's were gone`.
    public var description: String {
        switch part {
        case .table(let family, let name): "\(family == .ipv4 ? "iptables" : "ip6tables") \(name): \(finding)"
        case .routingRules(let family): "ip \(family.option) rule: \(finding)"
        case .routes(let family): "ip \(family.option) route: \(finding)"
        case .device, .deviceDown: finding
        case .sysctl(let key): "\(key): \(finding)"
        }
    }
}
