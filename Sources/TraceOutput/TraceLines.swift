import Tracking
import Wire

/// Makes a line of each packet. Lines gather in a buffer until the caller takes them.
public struct TraceLines: ~Copyable, Sendable {
    public enum Format: Sendable {
        case json, text
    }

    public let format: Format
    var json = JSONText()

    public init(_ format: Format) { self.format = format }

    /// The lines made since they were last removed. Nothing is there but whole ones.
    public var bytes: [UInt8] { _read { yield json.text.bytes } }

    public mutating func removeAll() { json.text.removeAll() }

    /// Returns the error that ends the segment's options before their end.
    @discardableResult
    public mutating func append(_ segment: borrowing Segment, _ packet: borrowing PacketContext) -> WireError? {
        switch format {
        case .json: json.appendLine(segment, packet)
        case .text: json.text.appendLine(segment, packet)
        }
    }

    /// A packet that is no TCP segment, or can't be read.
    public mutating func append(unreadable error: some CustomStringConvertible, _ packet: borrowing PacketContext) {
        switch format {
        case .json: json.appendLine(unreadable: error.description, packet)
        case .text: json.text.appendLine(unreadable: error.description, packet)
        }
    }

    /// `frame`: counts packets and events from 1.
    public mutating func append(_ event: SteeringEvent, frame: Int) {
        switch format {
        case .json: json.appendLine(event, frame: frame)
        case .text: json.text.appendLine(event)
        }
    }

    /// The closing lines; in JSON it is one.
    public mutating func append(_ report: DecodeReport) {
        switch format {
        case .json: json.appendLine(report)
        case .text: json.text.append(report)
        }
    }
}

extension TCPFlags {
    /// The letters that tcpdump uses, in its order.
    func forEachLetter(_ body: (UInt8) -> Void) {
        let letters: StaticString = "FSRP.UEW"
        letters.withUTF8Buffer { letters in
            for bit in 0..<8 where rawValue >> UInt8(bit) & 1 == 1 { body(letters[bit]) }
        }
    }
}
