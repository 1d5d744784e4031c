import PacketTap
import Tracking
import Wire

extension JSONText {
    /// The object of a segment. Returns the error that ends its options.
    mutating func appendLine(_ segment: borrowing Segment, _ packet: borrowing PacketContext) -> WireError? {
        var error: WireError?
        object { json in
            json.members(of: packet)
            json.members(of: segment)
            json.key("options")
            json.array { json in
                error = segment.forEachOption { json.option($0, packet.sighting?.dataNumbers) }
            }
            json.tracking(packet)
            json.decision(packet)
            json.key("error")
            if let error { json.string(error.description) } else { json.null() }
        }
        endLine()
        return error
    }

    mutating func appendLine(unreadable error: String, _ packet: borrowing PacketContext) {
        object { json in
            json.members(of: packet)
            if packet.decision != nil { json.decision(packet) }
            json.key("error")
            json.string(error)
        }
        endLine()
    }

    private mutating func members(of packet: borrowing PacketContext) {
        key("frame")
        number(packet.frame)
        key("time")
        time(packet.time, hasNanoseconds: packet.hasNanoseconds)
        key("interface")
        optional(packet.interface)
        key("direction")
        switch packet.direction {
        case .inbound: string("in")
        case .outbound: string("out")
        case nil: null()
        }
    }

    private mutating func members(of segment: borrowing Segment) {
        key("src")
        endpoint(segment.source)
        key("dst")
        endpoint(segment.destination)
        key("flags")
        let flags = segment.flags
        quoted { text in flags.forEachLetter { text.append(byte: $0) } }
        key("seq")
        number(segment.sequence.rawValue)
        key("ack")
        number(segment.acknowledgement.rawValue)
        key("window")
        number(segment.window)
        key("payload")
        number(segment.payloadLength)
    }

    private mutating func tracking(_ packet: borrowing PacketContext) {
        key("token")
        token(packet.token)
        key("subflow")
        if let sighting = packet.sighting { number(sighting.subflow) } else { null() }
        key("sender")
        if let sighting = packet.sighting { string(sighting.sender.name) } else { null() }
        key("retransmitted")
        number(packet.sighting?.retransmitted ?? 0)
        key("copy")
        bool(packet.isCopy)
        key("events")
        let packet = copy packet
        array { json in
            packet.forEachEvent { event in json.quoted { $0.append(event) } }
        }
    }

    private mutating func decision(_ packet: borrowing PacketContext) {
        let decision = packet.decision
        key("verdict")
        if let decision { string(decision.verdict.name) } else { null() }
        key("reason")
        optional(decision?.reason)
        key("class")
        optional(decision?.trafficClass)
        key("held_us")
        if let held = decision?.held, held > 0 {
            value { $0.append(thousandths: held) }
        } else {
            null()
        }
        key("hook")
        if let decision { string(decision.hookName) } else { null() }
        key("mark")
        if let decision { string(hexadecimal: decision.mark) } else { null() }
        key("new_mark")
        if let decision { string(hexadecimal: decision.newMark) } else { null() }
    }

    mutating func optional(_ string: String?) {
        if let string { self.string(string) } else { null() }
    }

    mutating func token(_ token: Token?) {
        if let token { string(hexadecimal: token.rawValue) } else { null() }
    }

    mutating func endpoint(_ endpoint: Endpoint) { quoted { $0.append(endpoint) } }

    mutating func time(_ nanoseconds: Int64?, hasNanoseconds: Bool) {
        guard let nanoseconds else { return null() }
        value { $0.append(seconds: nanoseconds, hasNanoseconds: hasNanoseconds) }
    }
}

extension Host {
    var name: StaticString { self == .client ? "client" : "server" }
}
