import PacketTap
import Tracking
import Wire

extension TextBuffer {
    /// `22:13:20.123456 lan0 In 10.1.0.2:54738 > 10.9.0.2:80 [S], seq 1, win 64240, length 0, options […], 0x90cd00d7/0`
    /// and behind `#` what the segment has changed, or what is wrong with it. Returns the error that ends its options.
    mutating func appendLine(_ segment: borrowing Segment, _ packet: borrowing PacketContext) -> WireError? {
        appendBeginning(packet)
        append(segment.source)
        append(" > ")
        append(segment.destination)
        appendHeader(segment)
        let error = appendOptions(segment, packet.sighting?.dataNumbers)
        appendTracking(packet)
        appendDecision(packet)
        appendRemarks(packet, error)
        append("\n")
        return error
    }

    mutating func appendLine(unreadable error: String, _ packet: borrowing PacketContext) {
        appendBeginning(packet)
        if let decision = packet.decision {
            append(decision)
            append(" ")
        }
        append("# ")
        append(printable: error)
        append("\n")
    }

    private mutating func appendBeginning(_ packet: borrowing PacketContext) {
        if let time = packet.time {
            append(timeOfDay: time, hasNanoseconds: packet.hasNanoseconds)
            append(" ")
        }
        if let interface = packet.interface {
            append(printable: interface)
            append(" ")
        }
        switch packet.direction {
        case .inbound: append("In ")
        case .outbound: append("Out ")
        case nil: break
        }
    }

    private mutating func appendHeader(_ segment: borrowing Segment) {
        append(" [")
        segment.flags.forEachLetter { append(byte: $0) }
        append("], seq ")
        append(decimal: segment.sequence.rawValue)
        if segment.flags.contains(.ack) {
            append(", ack ")
            append(decimal: segment.acknowledgement.rawValue)
        }
        append(", win ")
        append(decimal: segment.window)
        append(", length ")
        append(decimal: segment.payloadLength)
    }

    private mutating func appendOptions(_ segment: borrowing Segment, _ numbers: DataNumbers?) -> WireError? {
        var isFirst = true
        let error = segment.forEachOption { option in
            append(isFirst ? ", options [" : ", ")
            isFirst = false
            append(option, numbers)
        }
        if !isFirst { append("]") }
        return error
    }

    private mutating func appendTracking(_ packet: borrowing PacketContext) {
        guard let sighting = packet.sighting else { return }
        append(", ")
        if let token = packet.token {
            append("0x")
            append(hexadecimal: token.rawValue)
        } else {
            append("?")
        }
        append("/")
        append(decimal: sighting.subflow)
        if sighting.retransmitted > 0 {
            append(", retransmitted ")
            append(decimal: sighting.retransmitted)
        }
    }

    private mutating func appendDecision(_ packet: borrowing PacketContext) {
        guard let decision = packet.decision, decision.hasRemark else { return }
        append(", ")
        append(decision)
    }

    private mutating func appendRemarks(_ packet: borrowing PacketContext, _ error: WireError?) {
        var separator: StaticString = " # "
        func append(_ remark: (inout TextBuffer) -> Void) {
            self.append(separator)
            separator = "; "
            remark(&self)
        }
        if packet.isCopy { append { $0.append("copy") } }
        packet.forEachEvent { event in append { $0.append(event) } }
        if let error { append { $0.append(text: error.description) } }
    }

    /// Without control characters, which would do things to a terminal: an interface's name can be anything.
    mutating func append(printable text: String) {
        for byte in text.utf8 { append(byte: byte < 0x20 || byte == 0x7f ? UInt8(ascii: "?") : byte) }
    }
}
