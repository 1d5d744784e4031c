/// A TCP segment (RFC 9293 section 3.1) in its IP packet, over borrowed bytes. Its headers are whole and its options
/// lie inside of it; the payload may have been cut by the capture.
public struct Segment: ~Escapable {
    let bytes: RawSpan
    let ip: IPHeader
    /// TCP header with options, in bytes: 20-60.
    public let headerLength: Int

    /// `length`: the packet's, where it is known otherwise. It counts when the header says 0, as those of packets do
    /// that are larger than 65,535 bytes, or were captured before the network card had cut and completed them.
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan, length: Int? = nil) throws(WireError) {
        ip = try IPHeader(bytes, length: length)
        let start = ip.headerLength
        guard bytes.byteCount >= start + 20 else {
            throw .truncated(.tcp, needed: start + 20, have: bytes.byteCount)
        }
        headerLength = Int(bytes[start + 12] >> 4) * 4
        guard headerLength >= 20 else { throw .badHeaderLength(.tcp, headerLength) }
        guard min(bytes.byteCount, ip.totalLength) >= start + headerLength else {
            throw .truncated(.tcp, needed: start + headerLength, have: min(bytes.byteCount, ip.totalLength))
        }
        self.bytes = bytes
    }

    public var source: Endpoint { Endpoint(address: ip.source, port: bytes.uint16(at: ip.headerLength)) }
    public var destination: Endpoint { Endpoint(address: ip.destination, port: bytes.uint16(at: ip.headerLength + 2)) }
    public var sequence: SequenceNumber { SequenceNumber(bytes.uint32(at: ip.headerLength + 4)) }
    public var acknowledgement: SequenceNumber { SequenceNumber(bytes.uint32(at: ip.headerLength + 8)) }
    /// As sent: not shifted by the window scale.
    public var window: UInt16 { bytes.uint16(at: ip.headerLength + 14) }
    public var flags: TCPFlags { TCPFlags(rawValue: bytes[ip.headerLength + 13]) }

    /// The IPv4 TOS byte or the IPv6 traffic class: DSCP and ECN.
    public var trafficClass: UInt8 { bytes[0] >> 4 == 4 ? bytes[1] : bytes[0] << 4 | bytes[1] >> 4 }

    /// That byte without ECN's bits.
    public var dscp: DSCP { DSCP(trafficClass: trafficClass) }

    /// Bytes of payload, captured or not.
    public var payloadLength: Int { max(0, ip.totalLength - ip.headerLength - headerLength) }

    /// As much of the payload as was captured.
    public var payload: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(ip.headerLength + headerLength..<min(bytes.byteCount, ip.totalLength)) }
    }

    public var options: TCPOptions {
        @_lifetime(copy self)
        get { TCPOptions(bytes, from: ip.headerLength + 20, to: ip.headerLength + headerLength) }
    }
}

/// The flag bits of a TCP header (RFC 9293 section 3.1).
public struct TCPFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let fin = TCPFlags(rawValue: 0x01)
    public static let syn = TCPFlags(rawValue: 0x02)
    public static let rst = TCPFlags(rawValue: 0x04)
    public static let psh = TCPFlags(rawValue: 0x08)
    public static let ack = TCPFlags(rawValue: 0x10)
    public static let urg = TCPFlags(rawValue: 0x20)
    public static let ece = TCPFlags(rawValue: 0x40)
    public static let cwr = TCPFlags(rawValue: 0x80)
}
