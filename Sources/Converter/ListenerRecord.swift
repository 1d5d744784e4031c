import HandOver
import LinuxSystem
import Wire

/// A redirect listener as it is handed over; its socket comes beside it.
struct ListenerRecord: Hashable {
    var port: UInt16
    var isIPv4: Bool
    var opener: IPAddress
    /// Clients that are to be accepted, and since when; of the steady clock, in nanoseconds.
    var awaited: [Handshake] = []
    /// Subflows whose handshake is under way.
    var joins: [Handshake] = []

    struct Handshake: Hashable {
        var tuple: FourTuple
        var began: UInt64
    }

    func write(to writer: inout RecordWriter) {
        writer.write(port)
        writer.write(isIPv4)
        writer.write(opener)
        for list in [awaited, joins] {
            writer.write(all: list) { writer, handshake in
                writer.write(handshake.tuple)
                writer.write(handshake.began)
            }
        }
    }

    init(port: UInt16, isIPv4: Bool, opener: IPAddress) {
        self.port = port
        self.isIPv4 = isIPv4
        self.opener = opener
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        port = try reader.number()
        isIPv4 = try reader.flag()
        opener = try reader.address()
        awaited = try Self.handshakes(&reader)
        joins = try Self.handshakes(&reader)
    }

    private static func handshakes(_ reader: inout RecordReader) throws(RecordError) -> [Handshake] {
        try reader.all { (reader) throws(RecordError) in
            Handshake(tuple: try reader.tuple(), began: try reader.number())
        }
    }
}
