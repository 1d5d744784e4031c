// Addresses as text: dotted quads (RFC 791 usage) and RFC 5952's canonical IPv6 form.

extension IPAddress: CustomStringConvertible, LosslessStringConvertible {
    /// Parses `10.1.0.2`, `2001:db8::1` or `::ffff:10.1.0.2` (which is the IPv4 address); nil for anything else,
    /// zone indices included.
    public init?(_ text: some StringProtocol) {
        let parsed = text.contains(":") ? Self.parseIPv6(text) : Self.parseIPv4(text).map(IPAddress.init(v4:))
        guard let parsed else { return nil }
        self = parsed
    }

    private static func parseIPv4(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), part.utf8.count <= 3, let byte = UInt8(part),
                part.utf8.count == 1 || part.utf8.first != 0x30
            else { return nil }
            bits = bits << 8 | UInt32(byte)
        }
        return bits
    }

    private static func parseIPv6(_ text: some StringProtocol) -> IPAddress? {
        guard let gap = text.firstRange(of: "::") else {
            return groups(text, isLast: true).flatMap { $0.count == 8 ? address($0[...]) : nil }
        }
        guard text[gap.upperBound...].firstRange(of: "::") == nil,
            let head = groups(text[..<gap.lowerBound], isLast: false),
            let tail = groups(text[gap.upperBound...], isLast: true),
            head.count + tail.count <= 7
        else { return nil }
        return address((head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail)[...])
    }

    /// The 16-bit groups of one side of `::`; at the address's end a dotted quad may stand, and counts as two.
    private static func groups(_ text: some StringProtocol, isLast: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var result: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if isLast, index == parts.count - 1, part.contains("."), let quad = parseIPv4(part) {
                result += [UInt16(quad >> 16), UInt16(truncatingIfNeeded: quad)]
            } else if (1...4).contains(part.utf8.count), part.first != "+", part.first != "-",
                let group = UInt16(part, radix: 16)
            {
                result.append(group)
            } else {
                return nil
            }
        }
        return result
    }

    private static func address(_ groups: ArraySlice<UInt16>) -> IPAddress {
        let word = { (slice: ArraySlice<UInt16>) in slice.reduce(UInt64(0)) { $0 << 16 | UInt64($1) } }
        return IPAddress(high: word(groups.prefix(4)), low: word(groups.suffix(4)))
    }

    public var description: String { isIPv4 ? dottedQuad : canonicalIPv6 }

    private var dottedQuad: String {
        [24, 16, 8, 0].map { String(v4Bits >> $0 & 0xff) }.joined(separator: ".")
    }

    private var canonicalIPv6: String {
        let groups = [high, low].flatMap { word in [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: word >> $0) } }
        guard let gap = Self.longestZeroRun(groups) else { return Self.hex(groups[...]) }
        return Self.hex(groups[..<gap.lowerBound]) + "::" + Self.hex(groups[gap.upperBound...])
    }

    /// The first longest run of two or more zero groups (RFC 5952 section 4.2).
    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            let end = groups[start...].firstIndex { $0 != 0 } ?? groups.count
            if end - start >= 2, end - start > best?.count ?? 0 { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }

    private static func hex(_ groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }
}

extension Endpoint: CustomStringConvertible {
    /// `10.1.0.2:80` or `[2001:db8::1]:80`.
    public var description: String { address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}

extension Endpoint: LosslessStringConvertible {
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard let address = IPAddress(host) else { return nil }
        self.init(address: address, port: port)
    }
}

extension FourTuple: CustomStringConvertible {
    public var description: String { "\(client) > \(server)" }
}

extension IPPrefix: CustomStringConvertible, LosslessStringConvertible {
    /// Parses `ADDRESS/LENGTH`, or a bare address as a prefix of its full length.
    public init?(_ text: some StringProtocol) {
        guard let slash = text.firstIndex(of: "/") else {
            guard let address = IPAddress(text) else { return nil }
            self.init(address: address, length: address.bitWidth)
            return
        }
        let digits = text[text.index(after: slash)...]
        guard let address = IPAddress(text[..<slash]), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let length = Int(digits)
        else { return nil }
        self.init(address: address, length: length)
    }

    public var description: String { "\(address)/\(length)" }
}
