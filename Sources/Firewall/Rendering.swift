import Marks
import Wire

extension Firewall {
    /// The routing protocol number on our rules and routes, by which we know them again whatever settings made them.
    /// Free in iproute2's rt_protos; the kernel keeps the number and doesn't read it.
    static let routeProtocol = "83"

    /// The rules of one family as iptables-restore takes them: the template, filled in.
    public func rendered(_ family: AddressFamily) -> String {
        let text = render(
            repeated(PackageResources.rules_template, family),
            [
                "client": mark(.client, setting.mark.pairMask), "client_new": stateMark(.client),
                "client_answered": stateMark(.client, secondBit: true), "client_unfinished": mark(.client),
                "client_established": mark(.establishedClient), "now_established": stateMark(.establishedClient),
                "offloaded": stateMark(.establishedClient, secondBit: true),
                "upstream": mark(.upstream), "upstream_asking": stateMark(.upstream, secondBit: true),
                "now_upstream": wholeMark(setting.mark.value(.upstream)),
                "now_asking": wholeMark(setting.mark.value(.upstream) | setting.mark.offloaded),
                "adopted": mark(.adopted), "upstream_or_adopted": mark(.upstream, setting.mark.pairMask),
                "reopened": mark(.reopened), "now_reopened": wholeMark(setting.mark.value(.reopened)),
                "local": mark(.local), "end_to_end": mark(.endToEnd),
                "no_role": Self.hex(0) + "/" + Self.hex(setting.mark.roleMask),
                "no_mark": wholeMark(0), "tun": setting.tun,
                "no_class": classMark(0, setting.mark.classMask), "htb": Self.digits(Int(setting.htb)),
                "group_upstream": String(setting.groups.upstream), "group_asking": String(setting.groups.asking),
                "group_client": String(setting.groups.client), "groups": setting.groups.range,
                "peers": setting.peers ?? "",
                "listen": listenAddress(family).description,
                "syn_queue": String(setting.synQueue), "data_queues": dataQueues,
                "other_syns": isSpread ? "--queue-num \(setting.synQueues.last!)" : "--queue-num \(setting.synQueue)",
                "acknowledgement_queue": String(setting.acknowledgementQueue),
                "acknowledgement": AcknowledgementProgram.bytecode(family),
            ])
        return lines(of: family, in: text)
    }

    /// The routing rules and the route as `ip -batch` takes them, the same for both families.
    func renderedRoutes() -> String {
        render(
            Template(PackageResources.routes_template),
            [
                "client_new": mark(.client), "local": mark(.local), "tun": setting.tun,
                "table": String(setting.routeTable), "table_reverse": String(setting.routeTable + 1),
                "priority": String(setting.rulePriority),
                "priority_local": String(setting.rulePriority + 1),
                "priority_client": String(setting.rulePriority + 2), "priority_syn": String(setting.rulePriority + 3),
                "protocol": Self.routeProtocol,
            ])
    }

    /// The settings of the TUN device as `sysctl -p` takes them.
    func renderedSysctl() -> String {
        lines(of: nil, in: render(Template(PackageResources.sysctl_template), ["tun": setting.tun]))
    }

    /// All that `apply` does, as text for the operator.
    public func describe() -> String {
        """
        ### iptables-restore --noflush

        \(rendered(.ipv4))
        ### ip6tables-restore --noflush

        \(rendered(.ipv6))
        ### ip -4 -batch and ip -6 -batch

        \(renderedRoutes())
        ### sysctl -p

        \(renderedSysctl())
        """
    }

    private func render(_ template: Template, _ values: [String: String]) -> String {
        // The templates are part of the program: whether they and these names agree doesn't depend on the setting.
        try! template.rendered(values)
    }

    /// The template with a line for each class, each first digit of a class's number, each interface, or each queue but the last,
    /// where one stands for them all.
    private func repeated(_ template: [UInt8], _ family: AddressFamily) -> Template {
        let lines = Template(template).text.split(separator: "\n", omittingEmptySubsequences: false)
        let text = lines.flatMap { line in
            switch line.prefix(3) {
            case "-C ": (1...255).map { forClass($0, in: line) }
            case "-H ": stride(from: 0, to: 256, by: 16).map { forClass($0, in: line) }
            case "-X ": setting.exits.enumerated().map { forExit($0.element, number: $0.offset + 1, in: line) }
            case "-Q ":
                isSpread ? (0..<setting.spread.count - 1).map { forPlace($0, family, in: line) } : []
            default: [String(line)]
            }
        }
        return Template(text: text.joined(separator: "\n"))
    }

    private func forClass(_ number: Int, in line: Substring) -> String {
        let mask = setting.mark.classMask
        return String(line.dropFirst(3)).replacing("{{class}}", with: Self.digits(number))
            .replacing("{{class_mark}}", with: classMark(number, mask))
            .replacing("{{digit}}", with: Self.digits(number >> 4))
            .replacing("{{digit_mark}}", with: classMark(number & 0xf0, mask & mask << 4))
    }

    private func forExit(_ interface: String, number: Int, in line: Substring) -> String {
        let mark = setting.mark
        let value = mark.value(class: UInt8(number))
        return String(line.dropFirst(3)).replacing("{{exit}}", with: interface)
            .replacing("{{exit_number}}", with: classMark(number, mark.classMask))
            .replacing(
                "{{exit_mark}}",
                with: Self.hex(mark.value(.upstream) | value) + "/" + Self.hex(mark.pairMask | mark.classMask))
    }

    /// Are there several queues for SYNs?
    private var isSpread: Bool { setting.usesPrograms && setting.spread.count > 1 }

    private func forPlace(_ place: Int, _ family: AddressFamily, in line: Substring) -> String {
        let program = SpreadProgram.bytecode(family, place: place, of: setting.spread)
        return String(line.dropFirst(3)).replacing("{{from_client}}", with: program)
            .replacing("{{place_syns}}", with: String(setting.synQueues[place]))
    }

    private func classMark(_ number: Int, _ mask: UInt32) -> String {
        Self.hex(setting.mark.value(class: UInt8(number))) + "/" + Self.hex(mask)
    }

    private static func digits(_ number: Int) -> String { String(number, radix: 16) }

    private func mark(_ role: PacketMark.Role, _ mask: UInt32? = nil) -> String {
        Self.hex(setting.mark.value(role)) + "/" + Self.hex(mask ?? setting.mark.roleMask)
    }

    /// The role together with the bit above it.
    private func stateMark(_ role: PacketMark.Role, secondBit: Bool = false) -> String {
        let mark = setting.mark
        return Self.hex(mark.value(role) | (secondBit ? mark.offloaded : 0)) + "/"
            + Self.hex(mark.roleMask | mark.offloaded)
    }

    private func wholeMark(_ value: UInt32) -> String { Self.hex(value) + "/" + Self.hex(setting.mark.mask) }

    private static func hex(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }

    private func listenAddress(_ family: AddressFamily) -> IPAddress {
        switch family {
        case .ipv4: setting.listenAddress
        case .ipv6: setting.listenAddress6
        }
    }

    private var dataQueues: String {
        let queues = setting.dataQueues
        return queues.count == 1
            ? "--queue-num \(queues.lowerBound)" : "--queue-balance \(queues.lowerBound):\(queues.upperBound)"
    }

    /// Without the lines of another family or setting, and without the signs of those that count.
    private func lines(of family: AddressFamily?, in text: String) -> String {
        let signs = [
            "-4 ": family == .ipv4, "-6 ": family == .ipv6, "-E ": setting.inspectsEndToEnd,
            "-D ": setting.copiesDSCP, "-B ": setting.usesPrograms && setting.inspectsBulk,
            "-P ": setting.steersSubflows, "-T ": setting.enlargesSegments,
            "-S ": !setting.inspectsBulk, "-J ": setting.peers != nil,
        ]
        return text.split(separator: "\n", omittingEmptySubsequences: false).compactMap { line -> Substring? in
            var line = line
            while let counts = signs[String(line.prefix(3))] {
                guard counts else { return nil }
                line = line.dropFirst(3)
            }
            return line
        }.joined(separator: "\n")
    }
}
