import HandOver
import NetfilterQueue

/// A packet of queue SYN that waits, undecided, until it is clear which daemon decides.
struct PostponedSYN: Hashable {
    var id: UInt32
    var hook: UInt8
    var mark: UInt32
    var inDevice: UInt32
    var outDevice: UInt32
    var time: Int64?
    /// The whole IP packet.
    var bytes: [UInt8]

    init(_ packet: QueuedPacket) {
        id = packet.id
        hook = packet.hook
        mark = packet.mark
        inDevice = packet.inDevice
        outDevice = packet.outDevice
        time = packet.time
        bytes = Array(packet.payload)
    }

    func withPacket(_ body: (QueuedPacket) -> Void) {
        bytes.withUnsafeBytes {
            body(
                QueuedPacket(
                    id: id, hook: hook, mark: mark, inDevice: inDevice, outDevice: outDevice, time: time, payload: $0))
        }
    }

    func write(to writer: inout RecordWriter) {
        writer.write(id)
        writer.write(hook)
        for number in [mark, inDevice, outDevice] { writer.write(number) }
        writer.write(time) { $0.write($1) }
        writer.write(bytes)
    }

    init(from reader: inout RecordReader) throws(RecordError) {
        id = try reader.number()
        hook = try reader.number()
        mark = try reader.number()
        inDevice = try reader.number()
        outDevice = try reader.number()
        time = try reader.optional { (reader) throws(RecordError) in try reader.number() }
        bytes = try reader.raw()
    }
}
