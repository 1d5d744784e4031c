import Wire

extension TextBuffer {
    /// As `Endpoint.description`, without its strings.
    mutating func append(_ endpoint: Endpoint) {
        if endpoint.address.isIPv4 {
            append(endpoint.address)
        } else {
            append("[")
            append(endpoint.address)
            append("]")
        }
        append(":")
        append(decimal: endpoint.port)
    }

    /// A dotted quad, or the canonical form of RFC 5952.
    mutating func append(_ address: IPAddress) {
        if address.isIPv4 {
            for shift in stride(from: 24, through: 0, by: -8) {
                append(decimal: UInt8(truncatingIfNeeded: address.v4Bits >> UInt32(shift)))
                if shift > 0 { append(".") }
            }
        } else {
            appendIPv6(address)
        }
    }

    private mutating func appendIPv6(_ address: IPAddress) {
        let gap = address.longestZeroRun
        var group = 0
        while group < 8 {
            if group == gap.lowerBound, !gap.isEmpty {
                append("::")
                group = gap.upperBound
            } else {
                if group > 0, group != gap.upperBound || gap.isEmpty { append(":") }
                append(shortHexadecimal: address.group(group))
                group += 1
            }
        }
    }
}

extension IPAddress {
    /// The sixteen bits number `index` of an IPv6 address.
    fileprivate func group(_ index: Int) -> UInt16 {
        let word = index < 4 ? high : low
        return UInt16(truncatingIfNeeded: word >> UInt64(48 - index % 4 * 16))
    }

    /// The first longest run of two or more zero groups (RFC 5952 section 4.2); empty if there is none.
    fileprivate var longestZeroRun: Range<Int> {
        var best = 0..<0
        var start = 0
        for index in 0..<8 {
            if group(index) != 0 {
                start = index + 1
            } else if index + 1 - start >= 2, index + 1 - start > best.count {
                best = start..<index + 1
            }
        }
        return best
    }
}
