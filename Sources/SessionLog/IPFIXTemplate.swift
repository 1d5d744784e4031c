import Wire

/// An Information Element by its number in IANA's registry (https://www.iana.org/assignments/ipfix), and the bytes that its value
/// takes here.
struct IPFIXElement: Hashable {
    let number: UInt16
    /// 65535: one byte before the value says (RFC 7011 section 7).
    let length: UInt16

    static let protocolIdentifier = Self(number: 4, length: 1)
    static let sourceTransportPort = Self(number: 7, length: 2)
    static let sourceIPv4Address = Self(number: 8, length: 4)
    static let ingressInterface = Self(number: 10, length: 4)
    static let destinationTransportPort = Self(number: 11, length: 2)
    static let destinationIPv4Address = Self(number: 12, length: 4)
    static let sourceIPv6Address = Self(number: 27, length: 16)
    static let destinationIPv6Address = Self(number: 28, length: 16)
    static let interfaceName = Self(number: 82, length: 65535)
    static let flowEndReason = Self(number: 136, length: 1)
    static let flowId = Self(number: 148, length: 8)
    static let flowStartMilliseconds = Self(number: 152, length: 8)
    static let flowEndMilliseconds = Self(number: 153, length: 8)
    static let postNATSourceIPv4Address = Self(number: 225, length: 4)
    static let postNATDestinationIPv4Address = Self(number: 226, length: 4)
    static let postNAPTSourceTransportPort = Self(number: 227, length: 2)
    static let postNAPTDestinationTransportPort = Self(number: 228, length: 2)
    static let natEvent = Self(number: 230, length: 1)
    static let initiatorOctets = Self(number: 231, length: 8)
    static let responderOctets = Self(number: 232, length: 8)
    static let firewallEvent = Self(number: 233, length: 1)
    static let postNATSourceIPv6Address = Self(number: 281, length: 16)
    static let postNATDestinationIPv6Address = Self(number: 282, length: 16)
    static let observationTimeMilliseconds = Self(number: 323, length: 8)
}

/// The kinds of data records. Of IPv4 sessions they are RFC 8158's NAT44 session create and delete events (sections 5.6.1 and
/// 5.6.2) with more elements behind. For IPv6, where the address and its family stay as they are, that document has no event: these
/// are flow records with the same elements, and firewallEvent in the place of natEvent. So are subflows, of either family.
enum IPFIXTemplate: UInt16, CaseIterable {
    case start4 = 256
    case end4
    case start6
    case end6
    case subflow4
    case subflow6

    var elements: [IPFIXElement] {
        switch self {
        case .start4: Self.translation4
        case .end4: Self.translation4 + Self.ending
        case .start6: Self.translation6
        case .end6: Self.translation6 + Self.ending
        case .subflow4:
            [
                .flowId, .sourceIPv4Address, .sourceTransportPort, .destinationIPv4Address, .destinationTransportPort,
            ] + Self.subflow
        case .subflow6:
            [
                .flowId, .sourceIPv6Address, .sourceTransportPort, .destinationIPv6Address, .destinationTransportPort,
            ] + Self.subflow
        }
    }

    private static let translation4: [IPFIXElement] =
        [
            .observationTimeMilliseconds, .natEvent, .sourceIPv4Address, .postNATSourceIPv4Address, .protocolIdentifier,
            .sourceTransportPort, .postNAPTSourceTransportPort, .destinationIPv4Address, .postNATDestinationIPv4Address,
            .destinationTransportPort, .postNAPTDestinationTransportPort,
        ] + more
    private static let translation6: [IPFIXElement] =
        [
            .observationTimeMilliseconds, .firewallEvent, .sourceIPv6Address, .postNATSourceIPv6Address,
            .protocolIdentifier, .sourceTransportPort, .postNAPTSourceTransportPort, .destinationIPv6Address,
            .postNATDestinationIPv6Address, .destinationTransportPort, .postNAPTDestinationTransportPort,
        ] + more
    private static let more: [IPFIXElement] = [.flowId, .flowStartMilliseconds, .ingressInterface, .interfaceName]
    private static let ending: [IPFIXElement] = [
        .flowEndMilliseconds, .flowEndReason, .initiatorOctets, .responderOctets,
    ]
    private static let subflow: [IPFIXElement] = [
        .protocolIdentifier, .ingressInterface, .interfaceName, .flowStartMilliseconds, .flowEndMilliseconds,
        .initiatorOctets, .responderOctets,
    ]

    /// NAT Event Type: 4 and 5 are NAT44 session create and delete. firewallEvent: 1 and 2 are flow created and deleted.
    static func event(isIPv4: Bool, isEnd: Bool) -> UInt8 { (isIPv4 ? 4 : 1) + (isEnd ? 1 : 0) }

    /// A template record (RFC 7011 section 3.4.1).
    func append(to bytes: inout NetworkBytes) {
        bytes.append(rawValue)
        bytes.append(UInt16(elements.count))
        for element in elements {
            bytes.append(element.number)
            bytes.append(element.length)
        }
    }
}

/// Bytes in network order.
struct NetworkBytes {
    private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count }

    mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ more: NetworkBytes) { bytes += more.bytes }

    /// Four bytes of an IPv4 address, else sixteen.
    mutating func append(_ address: IPAddress) {
        if address.isIPv4 {
            append(address.v4Bits)
        } else {
            append(address.high)
            append(address.low)
        }
    }

    /// With its length before it (RFC 7011 section 7), cut to 254 bytes: names of interfaces have 15.
    mutating func append(variable text: String) {
        let text = text.utf8.prefix(254)
        bytes.append(UInt8(text.count))
        bytes += text
    }

    /// Puts a value where there were zeros before.
    mutating func set(_ value: UInt16, at offset: Int) {
        bytes[offset] = UInt8(value >> 8)
        bytes[offset + 1] = UInt8(value & 0xff)
    }
}
