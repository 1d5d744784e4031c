extension Segment {
    /// The most that `copyAskingForMultipath` adds to a packet, in bytes.
    public static let questionLength = 4

    /// Copies the packet, a SYN, to `buffer` with one more TCP option: MP_CAPABLE of version 1 with HMAC-SHA256, as a
    /// client that speaks MPTCP would ask (RFC 8684 section 3.1). Lengths and checksums are those of the copy.
    ///
    /// Returns the bytes of the copy, `questionLength` more than the packet's; nil where there is no room: in the TCP
    /// header, which has 60 bytes at most, in the buffer, or because the packet wasn't captured whole.
    public func copyAskingForMultipath(to buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let (start, end) = (ip.headerLength, ip.totalLength)
        let length = end + Self.questionLength
        guard headerLength + Self.questionLength <= 60, bytes.byteCount >= end, buffer.count >= length,
            length <= Int(UInt16.max)
        else { return nil }
        let copy = UnsafeMutableRawBufferPointer(rebasing: buffer[..<length])
        let options = start + headerLength
        bytes.withUnsafeBytes { bytes in
            copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<options]))
            copy.storeBytes(of: UInt32(0x1e04_0101).bigEndian, toByteOffset: options, as: UInt32.self)
            UnsafeMutableRawBufferPointer(rebasing: copy[(options + Self.questionLength)...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[options..<end]))
        }
        copy[start + 12] = UInt8((headerLength + Self.questionLength) / 4) << 4 | copy[start + 12] & 0x0f
        copy.setLengths(tcp: start)
        return length
    }

    /// The maximum segment size that a SYN or SYN-ACK announces, in bytes (RFC 9293 section 3.7.1); nil without the option
    /// or if the options can't be read.
    public var maximumSegmentSize: UInt16? {
        maximumSegmentSizeOption.map { bytes.uint16(at: $0 + 2) }
    }

    /// Where the option begins, counted from the IP header.
    private var maximumSegmentSizeOption: Int? {
        var options = options
        while let option = try? options.next() {
            if option.kind == 2, option.bytes.byteCount == 4 { return option.offset }
        }
        return nil
    }

    /// Copies the packet, a SYN or SYN-ACK, to `buffer` with a lower maximum segment size in its option. Checksums are those
    /// of the copy, whatever they were before.
    ///
    /// - Returns: the bytes of the copy, as many as the packet has; nil where nothing is to be lowered, or there is no room in
    ///   the buffer, or the packet wasn't captured whole.
    public func copyLowering(maximumSegmentSize size: UInt16, to buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let end = ip.totalLength
        guard let option = maximumSegmentSizeOption, bytes.uint16(at: option + 2) > size, bytes.byteCount >= end,
            buffer.count >= end
        else { return nil }
        let copy = UnsafeMutableRawBufferPointer(rebasing: buffer[..<end])
        bytes.withUnsafeBytes { copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<end])) }
        copy.storeBytes(of: size.bigEndian, toByteOffset: option + 2, as: UInt16.self)
        copy.setLengths(tcp: ip.headerLength)
        return end
    }

    /// The urgent pointer; nil where URG says that it is one (RFC 9293 section 3.1).
    public var idleUrgentPointer: UInt16? { flags.contains(.urg) ? nil : bytes.uint16(at: ip.headerLength + 18) }

    /// Copies the packet to `buffer` with another urgent pointer. Checksums are those of the copy.
    ///
    /// - Returns: the bytes of the copy, as many as the packet has; nil where there is no room in the buffer, or the packet
    ///   wasn't captured whole.
    public func copySetting(urgentPointer: UInt16, to buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let end = ip.totalLength
        guard bytes.byteCount >= end, buffer.count >= end else { return nil }
        let copy = UnsafeMutableRawBufferPointer(rebasing: buffer[..<end])
        bytes.withUnsafeBytes { copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<end])) }
        copy.storeBytes(of: urgentPointer.bigEndian, toByteOffset: ip.headerLength + 18, as: UInt16.self)
        copy.setLengths(tcp: ip.headerLength)
        return end
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Makes the lengths and checksums of IP and TCP headers those of this buffer, the TCP header being at `tcp`.
    fileprivate func setLengths(tcp: Int) {
        let isIPv4 = self[0] >> 4 == 4
        if isIPv4 {
            set(UInt16(count), at: 2)
            set(0, at: 10)
            set(~sum(0..<tcp).folded, at: 10)
        } else {
            set(UInt16(count - 40), at: 4)
        }
        // The pseudo-header: both addresses, the protocol's number and the segment's length (RFC 9293 section 3.1, RFC
        // 8200 section 8.1).
        let pseudoHeader = sum(isIPv4 ? 12..<20 : 8..<40) + 6 + UInt32(count - tcp)
        set(0, at: tcp + 16)
        set(~(pseudoHeader + sum(tcp..<count)).folded, at: tcp + 16)
    }

    private func set(_ value: UInt16, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    /// Of 16-bit words, as the internet checksum adds them up (RFC 1071). 65,535 bytes don't overflow it.
    private func sum(_ range: Range<Int>) -> UInt32 {
        range.reduce(0) { $0 + (($1 - range.lowerBound) & 1 == 0 ? UInt32(self[$1]) << 8 : UInt32(self[$1])) }
    }
}

extension UInt32 {
    fileprivate var folded: UInt16 {
        let once = (self & 0xffff) + (self >> 16)
        return UInt16(truncatingIfNeeded: (once & 0xffff) + (once >> 16))
    }
}
